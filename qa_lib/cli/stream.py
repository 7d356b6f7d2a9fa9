"""`qa stream`: consume a stream of events, look at it, look one person up, and send made-up events."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption
from qa_lib.cli.options import answer as print_answer

if TYPE_CHECKING:
    from qa_lib.sources.stream import Log
    from qa_lib.workspace import Workspace

stream_app = typer.Typer(
    help="Events as they happen: consume, look, send made-up ones.", no_args_is_help=True
)
LogOption = Annotated[
    Literal["sqlite", "kafka"],
    typer.Option("--log", help="The log: embedded in the workspace, or Kafka."),
]
Bootstrap = Annotated[str, typer.Option(help="Addresses of Kafka's brokers.")]
Topic = Annotated[str, typer.Option(help="Kafka's topic.")]
KafkaFile = Annotated[
    Path | None,
    typer.Option("--kafka-settings", help="A YAML file of further settings of librdkafka, such as TLS."),
]
_BROKER = "127.0.0.1:9092"


def _log(
    workspace: Workspace, log: str, bootstrap: str, topic: str, file: Path | None, *, make: bool = False
) -> Log:
    if log == "sqlite":
        from qa_lib.sources.stream import SqliteLog

        return SqliteLog(workspace.root)
    from qa_lib.sources.stream.kafka_log import KafkaLog, read_settings

    found = KafkaLog(bootstrap, topic=topic, settings=read_settings(file))
    if make:
        found.create()
    return found


@stream_app.command("run")
def stream_run(
    log: LogOption = "sqlite",
    bootstrap: Bootstrap = _BROKER,
    topic: Topic = "events",
    kafka_settings: KafkaFile = None,
    clock: Annotated[
        Literal["wall", "events"],
        typer.Option(help="Match as of now, or as of the latest event where a stream is replayed."),
    ] = "wall",
    matches_topic: Annotated[
        str | None,
        typer.Option(
            help="Kafka's topic to which it is sent who enters and leaves an audience; needs --log kafka."
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else at Ctrl-C.")] = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Consume events, match people against every active audience, carry the events on into the shared tables."""
    from qa_lib.live import LiveStream
    from qa_lib.workspace import Workspace

    if matches_topic is not None and log != "kafka":
        raise typer.BadParameter("needs --log kafka", param_hint="--matches-topic")
    opened = Workspace.open(workspace)
    out = matches_topic and _log(opened, log, bootstrap, matches_topic, kafka_settings, make=True)
    events = _log(opened, log, bootstrap, topic, kafka_settings)
    stream = LiveStream(opened, events, clock=clock, matches_to=out or None)
    signal.signal(signal.SIGTERM, lambda *_: stream.stop())
    signal.signal(signal.SIGINT, lambda *_: stream.stop())
    count = len(stream.matching.view.matcher.rules)
    typer.echo(f"consuming as {stream.consumer.member}, {count} active audiences; Ctrl-C stops", err=True)
    try:
        stream.run(seconds=seconds, told=lambda line: typer.echo(f"qa: {line}", err=True))
    finally:
        stream.close()
        stream.log.close()
        if out:
            out.close()
    total, matched = stream.consumer.total, stream.matching.counts
    values: dict[str, Any] = {**vars(total), **vars(matched)}
    values.pop("started_at")
    text = (
        f"{total.read:,} events read: {total.new:,} new, {total.duplicates:,} duplicates, {total.poison:,} dead "
        f"letters; {matched.entered:,} entered a rule, {matched.left:,} left one"
    )
    print_answer(values, text, as_json)


@stream_app.command("status")
def stream_status(
    log: LogOption = "sqlite",
    bootstrap: Bootstrap = _BROKER,
    topic: Topic = "events",
    kafka_settings: KafkaFile = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """How far behind, how fast, who consumes, what was refused."""
    from qa_lib.live import status
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    found = status(opened, _log(opened, log, bootstrap, topic, kafka_settings))
    letters = [f"  {p} {o}: {reason}" for p, o, reason in found.dead_letters]
    text = "\n".join(
        [
            f"lag {sum(found.lag.values()):,} events {found.lag}; {found.rate:,.0f} events a second",
            f"{found.event_count:,} events counted, {found.duplicate_count:,} duplicates left out; "
            f"{found.live_events:,} since snapshot {found.snapshot}; {found.delta_lag:,} not in the tables yet",
            f"{found.match_count:,} people brought into a rule by the stream",
            *(f"{member} holds {', '.join(held)}" for member, held in found.members.items()),
            f"{found.dead_letter_count:,} dead letters{':' if letters else ''}",
            *letters,
        ]
    )
    print_answer(found.to_dict(), text, as_json)


@stream_app.command("person")
def stream_person(
    person: Annotated[str, typer.Argument(help="The person's id, a source's id, or kind:value.")],
    as_of: AsOf = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """One person as of now: tags, live events, audiences."""
    from qa_lib.live import LiveProfiles
    from qa_lib.workspace import Workspace, read_moment

    profiles = LiveProfiles(Workspace.open(workspace))
    found = profiles.lookup(person, read_moment(as_of) if as_of else None)
    profiles.close()
    text = "\n".join(
        [
            f"{found.person_id} as of {found.as_of.isoformat()} (snapshot {found.snapshot})",
            f"since then: {found.event_counts or 'no events'}",
            f"in: {', '.join(found.matches) or 'no audience'}",
            *(f"{name} = {found.tags[name]}" for name in found.live),
        ]
    )
    print_answer(vars(found), text, as_json)


@stream_app.command("produce")
def stream_produce(
    rate: Annotated[
        float, typer.Option(help="Events a second, sent whether or not anybody keeps up.")
    ] = 1_000,
    seconds: Annotated[float, typer.Option(help="For so long.")] = 10,
    start: Annotated[
        str | None, typer.Option(help="The moment of the first event, for a replay; now when not given.")
    ] = None,
    log: LogOption = "sqlite",
    bootstrap: Bootstrap = _BROKER,
    topic: Topic = "events",
    kafka_settings: KafkaFile = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Send made-up events of the snapshot's people; for trying and measuring only, they count like real ones."""
    from qa_lib.live.produce import EventMaker, produce
    from qa_lib.workspace import Workspace, read_moment

    opened = Workspace.open(workspace)
    into = _log(opened, log, bootstrap, topic, kafka_settings, make=True)
    maker = EventMaker(opened.snapshot(), start=read_moment(start) if start else None)
    sent = produce(into, maker, rate=rate, seconds=seconds)
    into.close()
    text = f"{sent.count:,} made-up events in {sent.seconds:.1f} s; the worst tick was {sent.late_s * 1000:.0f} ms late"
    print_answer(vars(sent), text, as_json)
