"""The commands that ask about people and values: match, suggest, learn, differing, over-time; label and refresh."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, answer, read_audience, records
from qa_lib.errors import FileUnreadable, SpecError

if TYPE_CHECKING:
    from qa_lib.audiences import Audience, AudienceService, Share

RuleFile = Annotated[Path, typer.Argument(help="A rule or an audience as JSON or YAML.")]
Fields = Annotated[list[str] | None, typer.Option("--field", help="Learn from these fields only; repeat it.")]


def add_asking_commands(app: typer.Typer, audience_app: typer.Typer) -> None:
    """Put the commands at the top and below `qa audience`."""
    app.command("match")(match)
    audience_app.command("suggest")(suggest)
    audience_app.command("learn")(learn)
    audience_app.command("differing")(differing)
    audience_app.command("over-time")(over_time)
    audience_app.command("label")(label)
    audience_app.command("refresh")(refresh)


def match(
    person: Annotated[str, typer.Option("--person", help="The id of a person, or a source's id of them.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also every condition's verdict.")] = False,
    as_json: Json = False,
) -> None:
    """Which active saved audiences a person is in, who wins in each group, and what each step saved."""
    service = _service(workspace, as_of)
    one, matcher = service.matcher.person(person), service.matcher
    active, compiled = matcher.active, matcher.matcher
    compiled.match(one, service.snapshot.as_of)  # the first match reads the person's row
    started = time.perf_counter()
    compiled.match(one, service.snapshot.as_of)
    elapsed = (time.perf_counter() - started) * 1e6
    told = matcher.explain(one)
    found, steps = told.matches, told.steps()
    until = found.valid_until
    values: dict[str, Any] = {
        "person_id": one.person_id,
        "matched": [{"name": name, "version": active.versions[name]} for name in found.names],
        "winners": {group: list(names) for group, names in found.winners.items()},
        "valid_until": until.isoformat() if until else None,
        "steps": records(steps),
        "left_out": dict(active.left_out),
        "elapsed_us": round(elapsed, 1),
        **service.snapshot.stamp(),
    }
    lines = [
        f"{one.person_id}: in {len(found.names)} of {len(active.rules)} active audiences ({elapsed:.0f} µs)"
    ]
    lines += [f"  {name}  (version {active.versions[name]})" for name in found.names]
    lines += [f"  group {group}: {', '.join(names)}" for group, names in found.winners.items()]
    lines += [f"until {until:%Y-%m-%d %H:%M} UTC, unless something happens"] if until else []
    lines += ["", steps.drop(columns=["step"]).to_string(index=False)]
    if explain:
        verdicts = matcher.explain(one, names=[rule.name for rule in active.rules]).frame()
        values["verdicts"] = records(verdicts)
        lines += ["", verdicts.drop(columns=["zh"]).to_string(index=False)]
    lines += [f"left out: {name}: {reason}" for name, reason in active.left_out.items()]
    answer(values, "\n".join(lines), as_json)


def suggest(
    field: Annotated[str, typer.Argument(help="A tag or attribute; with --event a property of it.")],
    event: Annotated[str | None, typer.Option("--event", help="The event whose property it is.")] = None,
    search: Annotated[str, typer.Option("--search", help="Text that the value must contain.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 20,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The values of a field with counts, most frequent first."""
    service = _service(workspace, as_of)
    found = service.suggest_values(field, search, event=event, limit=limit)
    text = found.to_string(index=False) if len(found) else "No value fits."
    answer({"field": field, "values": records(found), **service.snapshot.stamp()}, text, as_json)


def learn(
    labelled: Annotated[
        str, typer.Argument(help="A saved audience, a rule or audience file, or a .txt/.csv of person ids.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write the rule as JSON; it must not be there."),
    ] = None,
    depth: Annotated[int, typer.Option(help="Conditions on the way to a leaf, 1 to 8.")] = 3,
    fields: Fields = None,
    random_state: Annotated[int, typer.Option(help="Seeds who is held out.")] = 0,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """A readable rule that finds labelled people, with precision and coverage on people held out."""
    service = _service(workspace, as_of)
    if out is not None and out.exists():
        raise FileUnreadable(
            f"The file {out} is there already and is not overwritten. Name another with --out."
        )
    found = service.learn_rule(
        _labelled(service, labelled), max_depth=depth, random_state=random_state, fields=fields
    )
    shares = {name: getattr(found, name) for name in ("precision", "recall", "coverage", "base_rate")}
    values = {
        "rule": found.rule.to_dict(),
        "sentence": found.sentence.to_dict(),
        **{name: vars(share) for name, share in shares.items()},
        "trained_count": found.trained_count,
        "leaks": records(found.leaks),
        **found.stamp,
    }
    lines = [found.sentence.zh, found.sentence.en, ""]
    lines += [f"{name:<10} {_share(share)}" for name, share in shares.items()]
    lines += [f"on {shares['coverage'].of_count:,} people held out; {found.trained_count:,} were learnt from"]
    if out is not None:
        out.write_text(found.rule.to_json(indent=2) + "\n", encoding="utf-8")
        lines.append(f"written to {out}")
    answer(values, "\n".join(lines), as_json)


def differing(
    rule: RuleFile,
    n: Annotated[int, typer.Option("-n", help="How many tags at most.")] = 20,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The tags in which an audience differs most from everybody."""
    service = _service(workspace, as_of)
    found = service.top_differing(read_audience(rule), n)
    columns = ["label_en", "value", "audience_mean", "base_mean", "effect_size", "q_value"]
    text = found[columns].round(3).to_string(index=False, na_rep="")
    answer({"tags": records(found), **service.snapshot.stamp()}, text, as_json)


def over_time(
    rule: RuleFile,
    at: Annotated[list[str] | None, typer.Option("--at", help="A past moment; repeat it.")] = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """The size of an audience at past moments; at those of all snapshots when none is given."""
    found = _service(workspace, None).over_time(read_audience(rule), at)
    answer({"sizes": records(found)}, found.to_string(index=False), as_json)


def label(
    name: Annotated[str, typer.Argument(help="The saved audience's name.")],
    word: Annotated[
        str, typer.Argument(metavar="LABEL", help="Such as reviewed; campaigns follow `active`.")
    ],
    version: Annotated[int | None, typer.Argument(help="Its number; the newest when not given.")] = None,
    author: Annotated[str, typer.Option(help="Who sets it.")] = "",
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Put a label on a version of a saved audience; it leaves the one that had it."""
    from qa_lib.audiences import AudienceLibrary
    from qa_lib.workspace import Workspace

    number = AudienceLibrary(Workspace.open(workspace)).label(name, word, version, author)
    answer({"name": name, "label": word, "version": number}, f"{name}: version {number} is {word}", as_json)


def refresh(
    names: Annotated[
        list[str] | None, typer.Argument(help="Saved audiences; all when none is given.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Keep who is in saved audiences at the snapshot; what new data do not concern is taken over."""
    service = _service(workspace, as_of)
    found = service.refresh(names or None)
    text = "No audience is saved." if found.empty else found.round(1).to_string(index=False)
    answer({"audiences": records(found), **service.snapshot.stamp()}, text, as_json)


def _share(share: Share) -> str:
    return f"{share.rate:6.1%}  [{share.low:.1%} – {share.high:.1%}]  {share.count:,} of {share.of_count:,}"


def _labelled(service: AudienceService, labelled: str) -> Audience | Any:
    """The audience, rule or ids that the words name."""
    from qa_lib.rules.files import read_text

    path = Path(labelled)
    if path.suffix.lower() in (".txt", ".csv"):
        ids = [
            line.split(",")[0].strip().strip('"')
            for line in read_text(path, "file of person ids").splitlines()
        ]
        return [one for one in ids if one and one != "person_id"]
    if path.suffix.lower() in (".json", ".yaml", ".yml"):
        return read_audience(path)
    if path.exists():
        raise SpecError(f"The file {path} is no .json, .yaml, .txt or .csv. Rename it by what it holds.")
    return service.library.get(labelled, "active").audience


def _service(workspace: Path | None, as_of: str | None) -> AudienceService:
    from qa_lib.audiences import AudienceService
    from qa_lib.workspace import Workspace

    return AudienceService(Workspace.open(workspace), as_of)
