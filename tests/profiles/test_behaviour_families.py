"""Families of behaviour tags equal the same measures as SQL and as pandas; a refresh equals a full build."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qa_lib.errors import SpecError
from qa_lib.profiles import build, catalogue, person_profile, tags
from qa_lib.profiles.behaviour import (
    BehaviourFamily,
    BehaviourTag,
    FamilyMeasure,
    expand,
    read_families,
    write_families,
)
from qa_lib.profiles.behaviour_build import META
from qa_lib.profiles.behaviour_names import slug
from qa_lib.profiles.declared import DeclaredTag, compile_event_tags
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.rules import Attribute, Catalogue, Engine, Tag
from qa_lib.rules.compile import Compiler
from qa_lib.rules.windows import Ever, Last
from qa_lib.sources import FEEDS, generate_interactions, land_all
from qa_lib.sources.journey import ZONE
from qa_lib.tables import TABLES
from qa_lib.workspace import Snapshot, Workspace

EVENTS = {s.type.name: s.type for s in EVENT_SOURCES}
WINDOWS = (Last(30, "day"), Last(2, "month"), Last(3, "week", calendar=True), Ever())
ALL_KINDS = tuple(
    FamilyMeasure(kind, prop)
    for kind, prop in (
        *(("did", None), ("count", None), ("sum", "paid_amount"), ("avg", "paid_amount")),
        *(("min", "paid_amount"), ("max", "quantity"), ("distinct", "item_id"), ("active_days", None)),
        *(("days_since_last", None), ("days_since_first", None), ("share", None), ("top", None)),
    )
)
COUNTS = (FamilyMeasure("count"), FamilyMeasure("share"), FamilyMeasure("top"), FamilyMeasure("did"))
FAMILIES = (
    BehaviourFamily(
        name="buys", label_zh="购买", label_en="Buys", event="purchase", by="department", top=4, whole=True,
        windows=WINDOWS, measures=ALL_KINDS,
    ),
    BehaviourFamily(
        name="days", label_zh="星期", label_en="Days", event="visit", by="weekday", windows=(Ever(),),
        measures=COUNTS,
    ),
    BehaviourFamily(
        name="times", label_zh="时段", label_en="Times", event="visit", by="daypart",
        windows=(Last(90, "day"),), measures=COUNTS,
    ),
    BehaviourFamily(
        name="redeems", label_zh="核销", label_en="Redeems", event="redeem", windows=(Ever(), Last(60, "day")),
        measures=(FamilyMeasure("distinct", "campaign_id"), FamilyMeasure("days_since_last")),
    ),
)  # fmt: skip
EARLY, LATER = "2017-09-10T18:00:00Z", "2017-09-14T06:30:00Z"


@pytest.fixture(scope="module")
def told(company_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The company with families, built at two moments: the second from the first."""
    made = Workspace.create(tmp_path_factory.mktemp("families") / "w", zone=ZONE)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    generate_interactions(made)
    write_families(made.root / "tag_families", FAMILIES)
    build(made, EARLY)
    build(made, LATER)
    return made


@pytest.fixture
def changing(told: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it whose tables a test may change."""
    shutil.copytree(told.root, tmp_path / "w")
    made = Workspace.open(tmp_path / "w")
    yield made
    made.state.engine.dispose()


def tags_of(snapshot: Snapshot) -> tuple[BehaviourTag, ...]:
    common = {
        (event, name): [v for v, _ in pairs]
        for of, pairs in snapshot.meta["values"].items()
        for event, _, name in [of.partition(".")]
        if name
    }
    return expand(FAMILIES, EVENTS, common)


def column(snapshot: Snapshot, tag: BehaviourTag) -> pd.Series:
    """The tag through SQL's eyes: the packed column in front of `profile`."""
    found = snapshot.frame(f'SELECT "{tag.name}" AS v FROM profile ORDER BY person_no', packed=[tag.name])[
        "v"
    ]
    return found if tag.spec.type == "text" else found.astype("float64")


def by_sql(snapshot: Snapshot, found: list[BehaviourTag]) -> pd.DataFrame:
    """The same measures by the query of declared tags."""
    from qa_lib.rules import All, Measure

    declared = []
    for tag in found:
        kind = "count" if tag.measure.kind == "did" else tag.measure.kind
        where = None if tag.value is None else All(Attribute(str(tag.by), "=", tag.value))
        declared.append(
            DeclaredTag(
                name=tag.name, label_zh="一", label_en="one", event=tag.event, where=where, window=tag.window,
                measure=Measure(kind=kind, property=tag.measure.property),
            )
        )  # fmt: skip
    base = Catalogue(fields=(), events=tuple(EVENTS.values()))
    query, given = compile_event_tags(declared, Compiler(base, snapshot.as_of, snapshot.zone))
    return snapshot.frame(query.sql(dialect="duckdb"), given).set_index("person_no")


def test_every_measure_over_every_value_and_window_equals_the_query_of_declared_tags(told: Workspace) -> None:
    snapshot = told.snapshot(LATER)
    found = [
        t
        for t in tags_of(snapshot)
        if t.measure.kind not in ("share", "top") and t.by not in ("weekday", "daypart")
    ]
    assert {t.measure.kind for t in found} == {m.kind for m in ALL_KINDS} - {"share", "top"}
    for event in ("purchase", "redeem"):
        of_event = [t for t in found if t.event == event]
        expected = by_sql(snapshot, of_event).reindex(range(snapshot.people_count))
        for tag in of_event:
            theirs = expected[tag.name].astype("float64")
            theirs = theirs.fillna(0) if tag.spec.zero else theirs
            theirs = (theirs > 0).astype("float64") if tag.measure.kind == "did" else theirs
            pd.testing.assert_series_equal(
                column(snapshot, tag), theirs, check_names=False, check_index=False, rtol=1e-12, obj=tag.name
            )
    assert sum(column(snapshot, t).fillna(0).any() for t in found) > 0.9 * len(found)


def test_shares_favourites_and_local_times_equal_pandas(told: Workspace) -> None:
    snapshot = told.snapshot(LATER)
    for event in ("purchase", "visit"):
        rows = snapshot.frame(f"SELECT * FROM event_{event}")
        local = rows["occurred_at"].dt.tz_convert(ZONE)
        rows["weekday"], rows["daypart"] = local.dt.day_of_week, local.dt.hour // 6
        for tag in (t for t in tags_of(snapshot) if t.event == event):
            calendar = tag.by in ("weekday", "daypart")
            if not calendar and tag.measure.kind not in ("share", "top"):
                continue
            start = tag.window.bounds(snapshot.as_of, snapshot.zone)[0]
            inside = rows if start is None else rows[rows["occurred_at"] >= pd.Timestamp(start)]
            value = inside[tag.by]
            if calendar:
                texts = list(tag.values) or sorted(
                    {t.value for t in tags_of(snapshot) if t.by == tag.by and t.value}
                )  # type: ignore[type-var]
                value = value.map(dict(enumerate(texts)))
            whole = inside.groupby("person_no").size()
            if tag.measure.kind == "top":
                n = (
                    inside.assign(v=value)[value.isin(tag.values)]
                    .groupby(["person_no", "v"])
                    .size()
                    .reset_index(name="n")
                )
                n = n.sort_values(["person_no", "n", "v"], ascending=[True, False, True])
                best = (
                    n.drop_duplicates("person_no")
                    .set_index("person_no")["v"]
                    .reindex(range(snapshot.people_count))
                )
                ours = column(snapshot, tag)
                assert ours.where(ours.notna(), None).tolist() == best.where(best.notna(), None).tolist(), (
                    tag.name
                )
                continue
            part = inside[value == tag.value].groupby("person_no").size()
            if tag.measure.kind == "share":
                expected = (part.reindex(whole.index).fillna(0) / whole).reindex(range(snapshot.people_count))
            else:
                expected = part.reindex(range(snapshot.people_count)).fillna(0)
                expected = expected.clip(upper=1) if tag.measure.kind == "did" else expected
            pd.testing.assert_series_equal(
                column(snapshot, tag), expected.astype("float64"), check_names=False, check_index=False,
                rtol=1e-12, obj=tag.name,
            )  # fmt: skip


def same_as_a_full_build(made: Workspace, as_of: str, tmp_path: Path) -> dict[str, object]:
    """Hold the refreshed snapshot equal, array by array, to one built anew; what the refresh computed."""
    refreshed = build(made, as_of)
    computed = refreshed.meta[META]["computed"]
    shutil.copytree(made.root, tmp_path / "full", ignore=shutil.ignore_patterns("cache", "state.db*"))
    other = Workspace.open(tmp_path / "full")
    whole = build(other, as_of)
    assert whole.meta[META]["computed"]["patched_tags"] == 0
    assert sorted(refreshed.columns.array_names) == sorted(whole.columns.array_names)
    for name in whole.columns.array_names:
        one, two = refreshed.columns.array(name), whole.columns.array(name)
        assert one is not None
        assert two is not None
        assert (one.kind, one.scale, one.texts) == (two.kind, two.scale, two.texts), name
        assert one.values.dtype == two.values.dtype, name
        np.testing.assert_array_equal(one.values, two.values, err_msg=name)
        assert (one.known is None) == (two.known is None), name
        if one.known is not None and two.known is not None:
            np.testing.assert_array_equal(one.known, two.known, err_msg=name)
    for name in whole.columns.bitset_names:
        np.testing.assert_array_equal(
            refreshed.columns.bitset(name), whole.columns.bitset(name), err_msg=name
        )
    drop = {META}
    assert {k: v for k, v in refreshed.meta.items() if k not in drop} == {
        k: v for k, v in whole.meta.items() if k not in drop
    }
    other.state.engine.dispose()
    return dict(computed)


def test_a_moment_later_only_people_whose_windows_moved_past_an_event_are_computed_anew(
    told: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(told.root, tmp_path / "w")
    made = Workspace.open(tmp_path / "w")
    computed = same_as_a_full_build(made, "2017-09-14T18:00:00Z", tmp_path)
    found = tags_of(made.snapshot("2017-09-14T18:00:00Z"))
    of_the_moment = sum(t.measure.kind.startswith("days_since") for t in found)
    assert computed["whole_tags"] == of_the_moment
    assert computed["patched_tags"] == len(found) - of_the_moment
    assert 0 < computed["changed_people"]["purchase"] < 250  # type: ignore[index]
    made.state.engine.dispose()


def test_late_corrected_and_new_rows_reach_only_their_people(changing: Workspace, tmp_path: Path) -> None:
    lines = changing.read(TABLES["order_lines"])
    day = lines["occurred_at"].dt.strftime("%Y-%m-%d")
    one, two = sorted(lines[day == "2017-08-20"]["person_id"].unique())[:2]
    lines = lines[~((lines["person_id"] == one) & (day == "2017-08-20"))]  # taken back
    wrong = lines.index[(lines["person_id"] == two) & (day.reindex(lines.index) == "2017-08-20")][0]
    lines.loc[wrong, "paid_amount"] += 1  # corrected
    new = lines[(lines["person_id"] == two)].head(1).assign(person_id="A-newcomer", order_id="late")
    table = TABLES["order_lines"]
    schema = table.arrow_schema()
    rows = (
        pa.Table.from_pandas(pd.concat([lines, new]), preserve_index=False).select(schema.names).cast(schema)
    )
    changing.replace(table, rows.to_batches())
    computed = same_as_a_full_build(changing, LATER, tmp_path)
    # no tag over visits reads an amount: the correction concerns purchases alone
    assert computed["changed_people"] == {"purchase": 3, "visit": 2, "redeem": 1}
    assert computed["whole_tags"] == 0


def test_a_tag_of_a_family_is_a_tag_like_any_other(told: Workspace) -> None:
    snapshot = told.snapshot(LATER)
    known = catalogue(snapshot)
    engine = Engine(snapshot, known)
    for tag in tags_of(snapshot)[::7]:
        values = column(snapshot, tag)
        if tag.spec.type == "number" and values.notna().any():
            middle = float(values.median())
            rule = Tag(tag.name, ">", middle)
            assert engine.evaluate(rule).count == int((values > float(repr(middle))).sum()), tag.name
    listed = tags(snapshot).set_index("name")
    row = listed.loc["purchase_paid_amount_sum_30d"]
    assert (row["unit"], row["window"], row["owner"]) == ("USD", "the last 30 days", "analyst")
    assert row["lineage"] == "event_purchase.occurred_at, event_purchase.paid_amount"
    assert (row["coverage_rate"], row["refresh"], row["version"]) == (1.0, "batch", 1)
    assert row["fresh_at"] <= snapshot.as_of.isoformat()
    text = next(t for t in tags_of(snapshot) if t.measure.kind == "top")
    assert known.field(text.name).values[0].count == column(snapshot, text).value_counts().iloc[0]


def test_names_are_stable_and_told_apart() -> None:
    assert slug("GROCERY") == "grocery"
    assert slug("FRUIT & VEG") != slug("FRUIT / VEG")
    assert slug("食品").startswith("v")
    assert slug("食品") != slug("饮料")
    family = FAMILIES[0]
    with pytest.raises(SpecError, match="which is there already"):
        expand([family, family.model_copy(update={"name": "again"})], EVENTS, {})


def named(*values: str, spelt: dict[str, str] | None = None) -> dict[str, str]:
    """By value, the name of the one tag that a family over these values gives it."""
    family = BehaviourFamily(
        name="spelling", label_zh="拼写", label_en="Spelling", event="browse", by="department",
        values=values, windows=(Last(30, "day"),), measures=(FamilyMeasure("count"),),
    )  # fmt: skip
    found = expand([family], EVENTS, {}, spelt=spelt)
    assert len({t.name for t in found}) == len(values)
    return {str(t.value): t.name for t in found}


def test_values_that_are_spelt_almost_alike_have_a_name_each() -> None:
    alike = ("Deli", "DELI", "deli", "deli ", "Deli Meat", "deli-meat", "deli_meat", "熟食", "熟 食")
    alone = {value: named(value)[value] for value in alike}
    assert alone["DELI"] == alone["Deli"] == "browse_department_deli_count_30d"
    together = named(*alike)
    assert together == {v: named(*reversed(alike))[v] for v in alike}
    assert together["DELI"] == alone["DELI"]  # the first in text order
    assert {v for v in alike if together[v] == alone[v]} == {"DELI", "Deli Meat", "deli ", "熟食", "熟 食"}


def test_a_value_keeps_its_name_when_others_come_and_go() -> None:
    spelt: dict[str, str] = {}
    history = [("Deli",), ("Deli", "DELI"), ("DELI",), ("deli", "DELI"), ("deli", "Deli", "DELI")]
    had: dict[str, str] = {}
    for values in history:
        found = named(*values, spelt=spelt)
        spelt |= {name: value for value, name in found.items()}
        assert all(had.setdefault(value, name) == name for value, name in found.items())
    assert had["Deli"] == "browse_department_deli_count_30d"
    assert len(set(had.values())) == 3


def test_names_stay_with_their_values_from_build_to_build(
    company_files: dict[str, Path], tmp_path: Path
) -> None:
    made = Workspace.create(tmp_path / "w", zone=ZONE)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    family = FAMILIES[0].model_copy(
        update={"by": "department", "values": ("grocery",), "windows": (Ever(),), "measures": COUNTS[:1]}
    )
    seen = []
    for values in (("grocery",), ("GROCERY", "grocery")):
        write_families(made.root / "tag_families", [family.model_copy(update={"values": values})])
        seen.append(build(made, EARLY, incremental=bool(seen)))
    plain = "purchase_department_grocery_count_ever"
    first, second = (snapshot.meta[META]["keys"] for snapshot in seen)
    assert first[plain] == second[plain]
    (other,) = set(second) - set(first)
    known = catalogue(seen[1])
    assert "“GROCERY”" in known.field(other).label.en
    bought = seen[1].frame(
        "SELECT count(DISTINCT person_no) AS n FROM event_purchase WHERE department = 'GROCERY'"
    )
    counted = Engine(seen[1], known).evaluate(Tag(other, ">", 0)).count
    assert counted == bought["n"].iat[0] > 0
    assert Engine(seen[1], known).evaluate(Tag(plain, ">", 0)).count == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": "purchas"}, "unknown event 'purchas'. Did you mean 'purchase'"),
        ({"by": "departmnt"}, "Did you mean 'department'"),
        ({"by": "paid_amount"}, "is no text property"),
        ({"measures": [{"kind": "sum"}]}, "'sum' takes a property"),
        ({"measures": [{"kind": "count", "property": "item_id"}]}, "takes no property"),
        ({"measures": [{"kind": "sum", "property": "item_id"}]}, "needs a number"),
        ({"by": None, "measures": [{"kind": "share"}]}, "say `by` which property"),
        ({"by": "weekday", "values": ["someday"]}, "the values of 'weekday' are"),
        ({"windows": []}, "windows"),
        ({"refresh": "stream"}, "refresh='stream' is not for measure 'did'"),
        ({"refresh": "both", "by": "weekday", "measures": [{"kind": "count"}]}, "is not for by 'weekday'"),
        ({"measures": [{"kind": "last", "property": "quantity"}]}, "'last' needs a text"),
        ({"measures": [{"kind": "first"}]}, "'first' takes a property"),
    ],
)
def test_a_family_that_cannot_be_is_refused_with_its_file(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    import yaml

    value = FAMILIES[0].to_dict() | change
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
    with pytest.raises(SpecError, match=r"mine\.yaml") as error:
        read_families(tmp_path, EVENTS)
    assert said in str(error.value)


def test_families_read_back_as_they_were_written(tmp_path: Path) -> None:
    write_families(tmp_path, FAMILIES)
    assert read_families(tmp_path, EVENTS) == FAMILIES


def test_one_persons_page_shows_the_tags_of_families(told: Workspace) -> None:
    snapshot = told.snapshot(LATER)
    found = person_profile(snapshot, "1").set_index("name")["value"]
    for tag in tags_of(snapshot)[::5]:
        number = int(
            snapshot.frame("SELECT person_no FROM people WHERE person_id = '1'")["person_no"].iloc[0]
        )
        expected = column(snapshot, tag)[number]
        assert (
            (pd.isna(found[tag.name]) and pd.isna(expected))
            or found[tag.name] == expected
            or float(found[tag.name]) == expected
        )
