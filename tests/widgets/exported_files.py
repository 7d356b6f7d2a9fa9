"""Everything that a view exports, made and read by somebody else's reader."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pandas as pd

from qa_lib.charts.exporting import MEDIA
from qa_lib.widgets.exports import file_stem


def expect_every_export(view: Any, folder: Path) -> set[str]:
    """Each file of the view is made, written and sound; the formats that there are."""
    formats = set()
    for one in view.exports:
        assert one.label.zh != one.label.en
        for format in one.formats:
            formats.add(format)
            made = view.export(one.key, format, folder)
            assert made.name == file_stem(made.name)
            assert made.media_type == MEDIA[format]
            assert (folder / made.name).read_bytes() == made.data
            _sound(made.data, format)
    return formats


def _sound(data: bytes, format: str) -> None:
    if format == "csv":
        assert len(pd.read_csv(io.BytesIO(data), encoding="utf-8-sig")) > 0
    elif format == "svg":
        assert len(ET.fromstring(data).findall(".//{*}text")) > 3
    elif format == "png":
        assert data.startswith(b"\x89PNG")
    elif format == "html":
        page = data.decode()
        assert "<script" not in page
        assert "data:image/svg+xml;base64," in page
    else:
        assert json.loads(data)
