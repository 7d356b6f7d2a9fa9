"""`qa identity`: how right the resolution is, who an identifier is, and taking a change back."""

from __future__ import annotations

from typing import Annotated

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, records
from qa_lib.cli.options import answer as print_answer

identity_app = typer.Typer(
    help="Who is who: how right it is, why two identifiers are one person, and undoing a change.",
    no_args_is_help=True,
)


@identity_app.command("quality")
def quality_command(workspace: WorkspaceOption = None, as_of: AsOf = None, as_json: Json = False) -> None:
    """Precision, recall and F1 against the kept truth, over pairs and over whole people; and by error."""
    from qa_lib.identity import (
        group_sizes,
        pair_quality,
        people_quality,
        quality_by_error,
        read_resolution,
        read_truth,
    )
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    truth, found = read_truth(opened), read_resolution(opened)
    current = (found.as_of(as_of) if as_of else found).current
    pairs, people = pair_quality(current, truth), people_quality(current, truth)
    errors, sizes = quality_by_error(current, truth), group_sizes(current)
    set_aside = found.quarantined["cause"].value_counts().to_dict()
    lines = [
        f"{len(current):,} identifiers of {current['person_id'].nunique():,} people; truth: "
        f"{len(truth):,} of {truth['person_id'].nunique():,}"
    ]
    for name, one in (("pairs", pairs), ("people", people)):
        lines.append(
            f"{name:6}  precision {one.precision_rate:.4f}  recall {one.recall_rate:.4f}  F1 {one.f1_rate:.4f}  "
            f"({one.right_count:,} right, {one.wrong_count:,} wrong, {one.missed_count:,} missed)"
        )
    lines += [f"set aside: {n:,} {cause}" for cause, n in set_aside.items()]
    answer = {
        "pairs": records(pairs.frame())[0],
        "people": records(people.frame())[0],
        "by_error": records(errors),
        "group_sizes": records(sizes),
        "set_aside": set_aside,
    }
    told = errors.assign(error=errors["error"].replace("", "none")).round(4)
    print_answer(answer, "\n".join([*lines, "", told.to_string(index=False)]), as_json)


@identity_app.command("explain")
def explain_command(
    one: Annotated[str, typer.Argument(help="kind:value, such as card:C01234567.")],
    other: Annotated[str, typer.Argument(help="Another identifier.")],
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Why two identifiers are one person, or why not: the chain of evidence."""
    from qa_lib.identity import explain, read_links, read_resolution
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    told = explain(
        read_links(opened), _identifier(one), _identifier(other), changes=read_resolution(opened).changes
    )
    columns = ["from_kind", "from_value", "to_kind", "to_value", "source", "observed_at", "status"]
    answer = {
        "is_one_person": told.is_one_person,
        "answer": told.answer.to_dict(),
        "path": records(told.path),
    }
    text = "\n".join([told.answer.zh, told.answer.en, "", told.path[columns].to_string(index=False)])
    print_answer(answer, text, as_json)


@identity_app.command("undo")
def undo_command(
    change_id: Annotated[str, typer.Argument(help="The merge, split or undo, such as c000000012.")],
    at: Annotated[
        str | None, typer.Option("--at", help="When it is undone; not given, the moment of the last change.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Take one merge, split or undo back; the next build sees it."""
    from qa_lib.errors import NothingBuilt
    from qa_lib.identity import read_resolution, undo
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    last = read_resolution(opened).last_at
    if last is None:
        raise NothingBuilt(
            f"Nothing was resolved in {opened.root}, so nothing can be undone. Run `qa build`."
        )
    after = undo(opened, change_id, at or last.isoformat())
    done = after.changes[after.changes["cause"] == change_id].iloc[-1]
    text = f"{done['change_id']}: {done['reason']}; {after.current['person_id'].nunique():,} people now; next: qa build"
    print_answer({"change_id": done["change_id"], "undone": change_id}, text, as_json)


def _identifier(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise typer.BadParameter(f"{text!r} is not kind:value")
    from qa_lib.identity import normalise

    return name, normalise(name, value)
