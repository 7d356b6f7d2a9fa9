"""A workspace whose values, names, labels, notes and reasons are a public list of texts that break software."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import yaml

from qa_lib.audiences import Audience, AudienceLibrary
from qa_lib.identity import add_links, generate_aliases, read_links
from qa_lib.jobs.build import resolve_and_build
from qa_lib.rules import All, Attribute, Tag
from qa_lib.sources import FEEDS, Source, land_all, load_source, write_company, write_source
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Workspace

NAUGHTY: list[str] = [
    text
    for text in json.loads(
        (Path(__file__).parent / "data" / "naughty_strings.json").read_text(encoding="utf-8")
    )
    if text.strip() and "\0" not in text
]
#: Those that a browser would run if it could: first where a screen has room for a few only.
MARKUP = [text for text in NAUGHTY if "<" in text or "javascript:" in text.lower()]
#: A field of few values, by which people are compared and drawn, and what they are.
FEW = MARKUP[:: len(MARKUP) // 12][:12]
LONGEST_NAME = 200
NAMES = list(dict.fromkeys(text.strip() for text in NAUGHTY if len(text.strip()) <= LONGEST_NAME))
PEOPLE = 500


def naughty_world(folder: Path) -> Workspace:
    """A made-up company of which everything that is a text is the list."""
    files = write_company(folder / "files", people=PEOPLE)
    _know_everybody(files["journey.demographics"])
    for feed, column, texts in (
        ("demographics", "age", NAUGHTY),
        ("demographics", "income", FEW),
        ("products", "department", MARKUP),
        ("campaign_descriptions", "campaign_type", MARKUP),
    ):
        path = files[f"journey.{feed}"]
        frame = pd.read_parquet(path)
        frame[column] = [texts[i % len(texts)] for i in range(len(frame))]
        frame.to_parquet(path, index=False)
    made = Workspace.create(folder / "workspace", zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in files.items()]):
        pass
    generate_aliases(made)
    links = read_links(made).head(len(NAUGHTY))
    add_links(made, links.assign(source=NAUGHTY[: len(links)]), once="naughty")
    _add_tags(made.root / "tags")
    _load_rejects(made, folder / "drops")
    resolve_and_build(made)
    _save_audiences(made)
    return made


def _know_everybody(path: Path) -> None:
    """A row for every household, so that every text is somebody's value."""
    known = pd.read_parquet(path)
    rows = known.iloc[[i % len(known) for i in range(PEOPLE)]]
    rows.assign(household_id=[f"{i + 1}" for i in range(PEOPLE)]).to_parquet(path, index=False)


def _add_tags(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    size = 20
    for i in range(0, len(NAUGHTY), size):
        words = " ¦ ".join(NAUGHTY[i : i + size])
        one = MARKUP[i // size]
        tag = {"name": f"naughty_{i:03d}", "event": "purchase", "unit": one, "owner": one}
        tag |= {"label_zh": one, "label_en": one, "description_zh": words, "description_en": words}
        (folder / f"{tag['name']}.yaml").write_text(yaml.safe_dump(tag), encoding="utf-8")


def _load_rejects(workspace: Workspace, folder: Path) -> None:
    """A file whose new columns are called so, and whose amounts are so."""
    folder.mkdir(parents=True)
    heads = list(
        {text.strip().casefold(): text for text in NAUGHTY}.values()
    )  # a table's columns differ by more
    with open(folder / "week_1.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["person", "event", "item", "at", *heads]]
            + [["1", "browse", "A", "2017-12-01T00:00:00Z", *heads]] * 20
            + [["1", "browse", "A", text, *heads] for text in MARKUP[:40]]
        )
    into = {
        "table": "interactions",
        "load": "add",
        "key": ["person_id", "event", "item_id", "occurred_at"],
        "time": "occurred_at",
        "columns": {
            "person_id": {"code": "person"},
            "event": {"one_of": "event", "values": {"browse": "browse"}},
            "item_id": {"code": "item"},
            "occurred_at": {"utc": "at"},
            "origin": {"value": "generated"},
        },
    }
    read = {"kind": "files", "folder": folder, "pattern": "*.csv"}
    labels = {"label_zh": MARKUP[0], "label_en": MARKUP[1]}
    source = Source.model_validate({"name": "naughty", **labels, "read": read, "into": [into]})
    write_source(workspace, source)
    load_source(workspace, source)


def _save_audiences(workspace: Workspace) -> None:
    library = AudienceLibrary(workspace)
    for i, name in enumerate(NAMES):
        rule = All(Tag("order_count_365d", ">=", i % 5), Attribute("income_band", "=", FEW[i % len(FEW)]))
        library.save(Audience(name=name, rule=rule, description=name), name, name)
        library.organise(name, name.strip("/"), (name,))
