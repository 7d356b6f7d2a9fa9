"""`qa tags`: declarations to start from, the catalogue, one person's profile, and the reports of models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, records
from qa_lib.cli.options import answer as print_answer

tags_app = typer.Typer(
    help="Tags and attributes: declare families, list the catalogue, read one person.", no_args_is_help=True
)


@tags_app.command("standard")
def tags_standard(
    workspace: WorkspaceOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Write the standard families and scores into the workspace, to be changed there; `qa build` computes them."""
    from qa_lib.profiles import events_of, standard_families
    from qa_lib.profiles.scores import standard_scores
    from qa_lib.profiles.standard import write_standard
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    events = events_of(opened)
    families, scores = write_standard(opened, events, replace=replace)
    n, m = len(standard_families(events)), len(standard_scores())
    text = (
        f"{families}: {n} families. {scores}: {m} scores. Change what you like, then run `qa build`.\n"
        f"{n} 个标签族与 {m} 个评分已写入，可修改；随后运行 `qa build`。"
    )
    print_answer({"families": str(families), "scores": str(scores)}, text, as_json)


@tags_app.command("list")
def tags_list(
    search: Annotated[
        str, typer.Argument(help="Part of a name, a label or a family; all when not given.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help="tag or attribute.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to print at most.")] = 50,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The catalogue: labels, type, unit, window, owner, coverage, freshness."""
    from qa_lib.errors import SpecError
    from qa_lib.profiles import tags
    from qa_lib.workspace import Workspace

    if kind not in ("", "tag", "attribute"):
        raise SpecError(f"--kind {kind!r}: it is tag or attribute.")
    found = tags(Workspace.open(workspace).snapshot(as_of))
    if kind:
        found = found[found["kind"] == kind]
    words = (
        found["name"] + " " + found["label_zh"] + " " + found["label_en"].str.lower() + " " + found["family"]
    )
    found = found[words.str.contains(search.lower(), regex=False)]
    lines = [
        f"{r['name']}  {r['label_zh']} · {r['label_en']}  {r['kind']} {r['type']} {r['unit']}  {r['window']}  "
        f"{r['coverage_rate']:.1%}"
        for r in records(found.head(limit))
    ]
    more = len(found) - len(lines)
    lines += [f"… {more:,} more; --limit shows them, a word narrows them down"] if more > 0 else []
    counts = found["kind"].value_counts()
    lines.append(f"{int(counts.get('attribute', 0)):,} attributes, {int(counts.get('tag', 0)):,} tags")
    print_answer({"tags": records(found) if as_json else []}, "\n".join(lines), as_json)


@tags_app.command("person")
def tags_person(
    person_id: Annotated[str, typer.Argument(help="The person, by any id that belongs to them.")],
    all_tags: Annotated[
        bool, typer.Option("--all", help="Also tags that are 0, false or without value.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """One person's whole profile."""
    from qa_lib.profiles import PersonLookup, tags
    from qa_lib.workspace import Workspace

    snapshot = Workspace.open(workspace).snapshot(as_of)
    values = PersonLookup(snapshot).values(person_id)
    shown: dict[str, Any] = {n: v for n, v in values.items() if all_tags or v}
    labels = {} if as_json else {r["name"]: r for r in tags(snapshot).to_dict("records")}
    lines = [
        f"{n}  {labels[n]['label_zh']} · {labels[n]['label_en']}: {_words(v)} {labels[n]['unit']}".rstrip()
        for n, v in ([] if as_json else shown.items())
    ]
    lines.append(f"{len(shown):,} of {len(values):,} fields")
    print_answer({"person_id": person_id, "values": shown, **snapshot.stamp()}, "\n".join(lines), as_json)


@tags_app.command("models")
def tags_models(workspace: WorkspaceOption = None, as_of: AsOf = None, as_json: Json = False) -> None:
    """How each model was learnt and how well it foretold people it had not seen."""
    from qa_lib.profiles.scores_build import model_reports
    from qa_lib.workspace import Workspace

    found = records(model_reports(Workspace.open(workspace).snapshot(as_of)))
    lines = [
        f"{r['kind']}: {r['not_computed']}"
        if r["not_computed"]
        else f"{r['kind']}: AUC {r['auc']:.3f} (90 % {r['auc_low']:.3f} – {r['auc_high']:.3f}), calibration error "
        f"{r['calibration_error']:.3f}, {r['people']:,.0f} people examined as of {r['examined_at'][:10]}, learnt "
        f"as of {r['learnt_at'][:10]}; {r['scored']:,.0f} people scored"
        for r in found
    ]
    print_answer(
        {"models": found}, "\n".join(lines) or "No model is declared; see `qa tags standard`.", as_json
    )


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    return "、".join(value) if isinstance(value, tuple) else str(value)
