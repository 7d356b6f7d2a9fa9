"""The report: results kept as JSON, and the tables and the chart that are rendered from them and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "benchmarks"
README, PAGE, CHART = (
    ROOT / "README.md",
    ROOT / "docs" / "benchmarks.md",
    ROOT / "docs" / "images" / "benchmark_growth.svg",
)
TIERS = {"S": "100,000", "M": "1,000,000", "L": "10,000,000"}
#: In the order of the report; those after the line do not depend on people and run at S only.
BENCHES = [
    "preview",
    "edit",
    "conditions",
    "sets",
    "refresh",
    "start",
    "tags",
    "identity",
    "stream",
    "matcher",
    "batch",
    "delta",
]
WITHOUT_PEOPLE = ("matcher", "batch", "delta")

Result = dict[str, Any]
Results = Mapping[tuple[str, str], Result]


def path_of(bench: str, tier: str) -> Path:
    """Where the result of a benchmark at a tier is kept."""
    return RESULTS / f"{bench}_{tier}.json"


def keep(result: Result) -> None:
    """Keep a result, whole or not at all."""
    path = path_of(result["bench"], result["tier"])
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    beside.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def kept() -> dict[tuple[str, str], Result]:
    """Every result that is kept, by benchmark and tier."""
    found = {}
    for path in sorted(RESULTS.glob("*_[SML].json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        found[result["bench"], result["tier"]] = result
    return found


@dataclass(frozen=True)
class Headline:
    """A line of the README's table: its label in both languages and how it is read from a benchmark's figures."""

    bench: str
    label: str
    read: Callable[[list[dict[str, Any]]], dict[str, Any] | None]


def _named(name: str, peer: str | None = None) -> Callable[[list[dict[str, Any]]], dict[str, Any] | None]:
    def read(figures: list[dict[str, Any]]) -> dict[str, Any] | None:
        return next((f for f in figures if f["name"] == name and (peer is None or f["peer"] == peer)), None)

    return read


def _worst(figures: list[dict[str, Any]]) -> dict[str, Any] | None:
    ratios = [f for f in figures if f["name"].endswith("ours : DuckDB")]
    return max(ratios, key=lambda f: f["value"]) if ratios else None


HEADLINES = (
    Headline(
        "preview",
        "十二条规则，DuckDB 手写 SQL : 本系统 · twelve rules, hand-written DuckDB : ours",
        _named("geometric mean DuckDB : ours"),
    ),
    Headline("preview", "其中最慢的一条，本系统 : DuckDB · the slowest of them, ours : DuckDB", _worst),
    Headline("edit", "二十个条件改一个 · an edit of twenty conditions", _named("edit median")),
    Headline("edit", "DuckDB 重跑 : 本系统 · DuckDB again : ours", _named("DuckDB : ours")),
    Headline("sets", "24 × 24 人群重叠 · overlap of 24 × 24 audiences", _named("overlap 24 x 24")),
    Headline(
        "refresh",
        "刷新一千个人群（条件已知）· a thousand audiences refreshed, conditions known",
        _named("warm"),
    ),
    Headline("refresh", "DuckDB 逐个查询 : 本系统 · DuckDB, a query each : ours", _named("DuckDB : warm")),
    Headline("matcher", "一个人对一万条规则，p50 · one person, 10,000 rules, p50", _named("p50.10000", "")),
    Headline("matcher", "最好的同类 : 本系统 · the best peer : ours", _named("times_faster.10000")),
    Headline("batch", "一千人 × 一万条规则 · 1,000 people × 10,000 rules", _named("pairs.1000x10000", "")),
    Headline(
        "delta",
        "事件触发的进出，一万条规则 · who enters and leaves by an event, 10,000 rules",
        _named("events a second, 10000 rules"),
    ),
    Headline("start", "`import qa_lib`", _named("import qa_lib")),
    Headline(
        "start",
        "看板到第一个数字 · a dashboard to its first figure",
        _named("a dashboard to its first figure"),
    ),
    Headline(
        "start",
        "浏览器里一次编辑到计数，p95 · an edit in the browser to its count, p95",
        _named("an edit in the browser to its count on screen, p95"),
    ),
    *(
        Headline(
            "stream",
            f"流：每秒一万事件到匹配可见，{told}条规则，p99 · 10,000 events/s to visible in a match, {rules:,} rules, p99",
            _named(f"p99.visible_in_match.10000.{rules}_rules"),
        )
        for rules, told in ((1_000, "一千"), (10_000, "一万"))
    ),
)


def number(value: float, unit: str) -> str:
    """A figure as it is printed: three digits that say something."""
    if value >= 1e6:
        text = f"{value:.2e}".replace("e+0", "e")
    elif value >= 100 or value == int(value):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit.replace('x', '×') if unit in ('x', '×') else unit}"


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    told = {None: "", True: "", False: " **✗**"}[figure["holds"]]
    return number(figure["value"], figure["unit"]) + told


def readme_table(results: Results) -> str:
    """The README's table: a line per headline, a column per tier, what is missing as a dash."""
    lines = [
        "| | " + " | ".join(f"{tier}: {people}" for tier, people in TIERS.items()) + " | bar |",
        "|---|---|---|---|---|",
    ]
    for line in HEADLINES:
        found = {t: line.read(results[line.bench, t]["figures"]) for t in TIERS if (line.bench, t) in results}
        bars = [f"{t} {f['bar']}" for t, f in found.items() if f and f["bar"]]
        alike = {bar.split(" ", 1)[1] for bar in bars}
        bar = alike.pop() if len(alike) == 1 else ", ".join(bars)
        cells = [_cell(found.get(tier)) for tier in TIERS]
        if line.bench in WITHOUT_PEOPLE:
            cells[1:] = ["", ""]
        lines.append(f"| {line.label} | {' | '.join(cells)} | {bar} |")
    return "\n".join([*lines, "", machine_line(results)])


def machine_line(results: Results) -> str:
    """What the figures were measured on; the load is told because other work slows both sides."""
    if not results:
        return "Nothing is measured yet: `make bench-report`."
    newest = max(results.values(), key=lambda r: r["measured_on"])["machine"]
    days = sorted({r["measured_on"] for r in results.values()})
    loads = sorted(r["machine"]["load"] for r in results.values())
    told = ("processor", "cores", "memory_gib", "system", "python", "load", "waited_ms")
    libraries = ", ".join(f"{name} {version}" for name, version in newest.items() if name not in told)
    return (
        f"{newest['cores']} cores of {newest['processor']}, {newest['memory_gib']} GiB, {newest['system']}, "
        f"Python {newest['python']}, {libraries}; {' to '.join(dict.fromkeys((days[0], days[-1])))}, "
        f"load {loads[0]:g} to {loads[-1]:g} from this and other work. **✗**: the bar was missed in this run."
    )


def growth_table(results: Results) -> str:
    """Growth with rules, people and conditions."""
    lines = [
        "| rules | one person p50 / p99, µs | pairs a second, 1,000 people | events a second |",
        "|---|---|---|---|",
    ]
    for rules in (100, 1_000, 10_000):
        cells = [
            " / ".join(_plain(results, "matcher", "S", f"{q}.{rules}", "") for q in ("p50", "p99")),
            _plain(results, "batch", "S", f"pairs.1000x{rules}", ""),
            _plain(results, "delta", "S", f"events a second, {rules} rules"),
        ]
        lines.append(f"| {rules:,} | {' | '.join(cells)} |")
    by_people = {
        "R5 with nothing known, ms": ("preview", "R5 median"),
        "an edit of twenty conditions, ms": ("edit", "edit median"),
        "overlap 24 × 24, ms": ("sets", "overlap 24 x 24"),
        "refresh of 1,000 audiences, cold, CPU s": ("refresh", "cold"),
        "refresh of 1,000 audiences, warm, CPU s": ("refresh", "warm"),
    }
    lines += ["", f"| people | {' | '.join(TIERS.values())} |", "|---|---|---|---|"]
    for label, (bench, name) in by_people.items():
        lines.append(f"| {label} | {' | '.join(_plain(results, bench, t, name) for t in TIERS)} |")
    lines += [
        "",
        "| conditions | " + " | ".join(f"nothing known, edit, DuckDB at {t}, ms" for t in TIERS) + " |",
        "|---|---|---|---|",
    ]
    for count in (1, 5, 20, 50, 100):
        names = (
            f"nothing known, {count} conditions",
            f"an edit, {count} conditions",
            f"nothing known, {count} conditions, DuckDB",
        )
        cells = [", ".join(_plain(results, "conditions", t, name) for name in names) for t in TIERS]
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _plain(results: Results, bench: str, tier: str, name: str, peer: str | None = None) -> str:
    result = results.get((bench, tier))
    figure = _named(name, peer)(result["figures"]) if result else None
    return number(figure["value"], "").strip() if figure else "–"


def full_tables(results: Results) -> str:
    """Every figure of every result."""
    parts = []
    for bench in BENCHES:
        tiers = [t for t in TIERS if (bench, t) in results]
        if not tiers:
            continue
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for tier in tiers:
            for figure in results[bench, tier]["figures"]:
                rows.setdefault((figure["name"], figure["peer"]), {})[tier] = figure
        head = [f"{t} (load {results[bench, t]['machine']['load']:g})" for t in tiers]
        lines = [
            f"### {bench}",
            f"| figure | peer | {' | '.join(head)} | bar |",
            "|---" * (len(tiers) + 3) + "|",
        ]
        for (name, peer), by_tier in rows.items():
            bars = ", ".join(dict.fromkeys(f["bar"] for f in by_tier.values() if f["bar"]))
            lines.append(f"| {name} | {peer} | {' | '.join(_cell(by_tier.get(t)) for t in tiers)} | {bars} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def growth_rows(results: Results) -> Iterable[dict[str, Any]]:
    """The chart's points: panel, line, x, milliseconds."""

    def row(
        panel: str, line: str, x: int, bench: str, tier: str, name: str, scale: float = 1.0
    ) -> Iterable[dict[str, Any]]:
        result = results.get((bench, tier))
        figure = _named(name)(result["figures"]) if result else None
        if figure:
            yield {"panel": panel, "line": line, "x": x, "ms": figure["value"] * scale}

    rules, people, conditions = "规则 rules", "人 people", "条件 conditions"
    for count in (100, 1_000, 10_000):
        for q in ("p50", "p99"):
            yield from row(
                rules, f"匹配一人 match one person, {q}", count, "matcher", "S", f"{q}.{count}", 1e-3
            )
    for tier, size in (("S", 100_000), ("M", 1_000_000), ("L", 10_000_000)):
        yield from row(people, "首次计数 R5, nothing known", size, "preview", tier, "R5 median")
        yield from row(people, "一次编辑 an edit", size, "edit", tier, "edit median")
        yield from row(people, "人群重叠 overlap 24 × 24", size, "sets", tier, "overlap 24 x 24")
        yield from row(people, "DuckDB 重跑 DuckDB again", size, "edit", tier, "DuckDB, the whole rule again")
        for count in (1, 5, 20, 50, 100):
            yield from row(
                conditions,
                f"首次计数 nothing known, {tier}",
                count,
                "conditions",
                tier,
                f"nothing known, {count} conditions",
            )
            yield from row(
                conditions,
                f"一次编辑 an edit, {tier}",
                count,
                "conditions",
                tier,
                f"an edit, {count} conditions",
            )


def chart(results: Results) -> str:
    """The growth chart as SVG."""
    import altair as alt
    import pandas as pd

    from qa_lib.charts import to_svg

    rows = pd.DataFrame(list(growth_rows(results)), columns=["panel", "line", "x", "ms"])
    panels = [
        alt.Chart(rows[rows["panel"] == panel], title=panel)
        .mark_line(point=True)
        .encode(
            alt.X("x:Q", scale=alt.Scale(type="log"), title=None, axis=alt.Axis(format="~s", tickCount=4)),
            alt.Y("ms:Q", scale=alt.Scale(type="log"), title="毫秒 ms"),
            alt.Color("line:N", title=None, legend=alt.Legend(orient="bottom", columns=1, labelLimit=260)),
        )
        .properties(width=240, height=200)
        for panel in rows["panel"].drop_duplicates()
    ]
    return to_svg(alt.hconcat(*panels).resolve_scale(color="independent"))


def between(text: str, mark: str, block: str) -> str:
    """The text with what stands between two markers replaced.

    Raises
    ------
    ValueError
        When the markers are not there.
    """
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"No block <!-- {mark} --> … <!-- /{mark} --> to write into.")
    return pattern.sub(lambda found: f"{found[1]}{block}\n{found[2]}", text)


def rendered(results: Results) -> dict[Path, str]:
    """The README and the page as they are to stand."""
    readme = between(README.read_text(encoding="utf-8"), "benchmarks", readme_table(results))
    page = PAGE.read_text(encoding="utf-8")
    for mark, block in (("growth", growth_table(results)), ("figures", full_tables(results))):
        page = between(page, mark, block)
    return {README: readme, PAGE: page}


def write(results: Results) -> None:
    """Write the README's table, the page's tables and the chart."""
    for path, text in rendered(results).items():
        path.write_text(text, encoding="utf-8")
    CHART.write_text(chart(results), encoding="utf-8")
