"""The settings of a workspace: its file, its zone, and where a workspace is looked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qa_lib.errors import NothingBuilt, SpecError, WorkspaceUnusable

FORMAT = 1
SETTINGS = "workspace.json"
DEFAULT = Path("data") / "workspace"


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise SpecError(f"Unknown time zone {name!r}. Use an IANA name such as 'Asia/Shanghai'.") from None


def nearest() -> Path:
    """The workspace of the current folder, or of the nearest folder above that has one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DEFAULT / SETTINGS).exists():
            return folder / DEFAULT
    return here / DEFAULT


def read_settings(root: Path) -> dict[str, Any]:
    """The settings of the workspace in a folder, checked."""
    try:
        with open(root / SETTINGS, encoding="utf-8") as file:
            settings = json.load(file)
    except FileNotFoundError:
        raise NothingBuilt(
            f"No workspace at {root}. Make one with `qa init {root}`, or one with real data by `qa demo`."
        ) from None
    except (OSError, ValueError) as error:
        raise WorkspaceUnusable(
            f"The workspace's settings {root / SETTINGS} cannot be read: {error}."
        ) from None
    if not isinstance(settings, dict) or not {"format", "zone", "currency"} <= set(settings):
        raise WorkspaceUnusable(
            f"The settings {root / SETTINGS} are not a workspace's: expected an object with format, zone and "
            "currency. Restore the file, or make another workspace with `qa init`."
        )
    if settings.get("format", 0) > FORMAT:
        raise WorkspaceUnusable(
            f"The workspace {root} has format {settings['format']}; this version of the library knows up to "
            f"{FORMAT}. Upgrade the library."
        )
    return settings
