"""The log on Kafka through confluent-kafka: the broker shares partitions out, our state keeps the offsets.

Offsets are never committed to the broker: a partition that is assigned is read from where the state stands, under a
new epoch, so what a consumer that was cut off still holds cannot be kept.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa_lib.errors import LogBroken, LogUnavailable, SpecError
from qa_lib.sources.stream.log import Batch, Keyed, Positions

if TYPE_CHECKING:
    from confluent_kafka import TopicPartition

GROUP = "audience-workbench"
_SESSION_MS = 6_000
_FLUSH_S = 30.0
#: How long an event that must be there may take to come.
_SILENT_S = 10.0


class KafkaLog:
    """A topic of a Kafka cluster.

    Parameters
    ----------
    bootstrap
        Addresses of brokers, `host:port` separated by commas.
    settings
        Further settings of librdkafka, such as those of TLS and SASL.

    Raises
    ------
    SpecError
        When `confluent-kafka` is not installed.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        topic: str = "events",
        group: str = GROUP,
        settings: Mapping[str, Any] | None = None,
        flush_s: float = _FLUSH_S,
    ) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise SpecError(
                "A Kafka log needs the package confluent-kafka. Install the extra `kafka`, or use `--log sqlite`."
            ) from None
        self._kafka = confluent_kafka
        self.bootstrap, self.topic, self.group = bootstrap, topic, group
        self.name = f"kafka/{topic}"
        self._flush_s = flush_s
        self.settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "socket.timeout.ms": 5_000,
            "reconnect.backoff.max.ms": 1_000,
            "logger": _silent(),
            **(settings or {}),
        }
        self._producer: Any = None
        self._admin: Any = None
        self._asking: Any = None

    def create(self, partitions: int = 4, *, replicas: int = 1) -> None:
        """Make the topic where it is not there.

        Raises
        ------
        LogUnavailable
            When no broker answers.
        """
        from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

        admin = AdminClient(self.settings)
        made = admin.create_topics([NewTopic(self.topic, partitions, replicas)], request_timeout=10)
        try:
            made[self.topic].result(15)
        except (self._kafka.KafkaException, TimeoutError) as error:
            if _code(error) != self._kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._unavailable(error) from error

    def append(self, values: Sequence[Keyed]) -> None:
        if self._producer is None:
            self._producer = self._kafka.Producer(
                {**self.settings, "acks": "all", "enable.idempotence": True, "linger.ms": 2}
                | {"message.timeout.ms": int(self._flush_s * 1000)}
            )
        failed: list[Any] = []

        def delivered(error: Any, _: Any) -> None:
            if error is not None:
                failed.append(error)

        for key, value in values:
            while True:
                try:
                    self._producer.produce(self.topic, value, key.encode(), on_delivery=delivered)
                    break
                except BufferError:  # the broker is slower than we: wait, which is the back-pressure
                    self._producer.poll(0.05)
        left = self._producer.flush(self._flush_s + 1)
        if failed or left:
            raise self._unavailable(failed[0] if failed else f"{left} events are not confirmed")

    def reader(self, member: str, positions: Positions) -> KafkaReader:
        return KafkaReader(self, member, positions)

    def ends(self) -> dict[str, int]:
        if self._asking is None:
            self._asking = self._kafka.Consumer({**self.settings, "group.id": f"{self.group}-ends"})
        try:
            told = self._asking.list_topics(self.topic, timeout=5).topics[self.topic].partitions
            return {
                self.partition_name(p): self._asking.get_watermark_offsets(
                    self._kafka.TopicPartition(self.topic, p), timeout=5
                )[1]
                for p in told
            }
        except self._kafka.KafkaException as error:
            raise self._unavailable(error) from error

    def trim(self, before: Mapping[str, int]) -> None:
        """Kafka forgets by the topic's own retention."""

    def partition_name(self, number: int) -> str:
        return f"{self.name}/{number}"

    def _unavailable(self, error: object) -> LogUnavailable:
        return LogUnavailable(
            f"Kafka at {self.bootstrap} did not confirm events of the topic {self.topic!r}: {error}. What it did not "
            "confirm is to be sent again (the same event_id counts once). Check the broker and its address."
        )

    def close(self) -> None:
        if self._asking is not None:
            self._asking.close()
        if self._producer is not None:
            self._producer.flush(5)


class KafkaReader:
    """A member of the group over a topic."""

    def __init__(self, log: KafkaLog, member: str, positions: Positions) -> None:
        self._log, self._member, self._positions = log, member, positions
        self._kafka = log._kafka
        self.held: dict[str, int] = {}
        self.trouble: str | None = None
        #: By partition, the position that the log does not seem to reach, and when that is taken for true.
        self._doubtful: dict[int, tuple[int, float]] = {}
        self._consumer = self._kafka.Consumer(
            {
                **log.settings,
                "group.id": log.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "session.timeout.ms": _SESSION_MS,
                "heartbeat.interval.ms": 1_000,
                "partition.assignment.strategy": "range",
                "fetch.wait.max.ms": 20,
                "error_cb": self._error,
            }
        )
        self._consumer.subscribe(
            [log.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def _error(self, error: Any) -> None:
        if error.code() in (self._kafka.KafkaError._ALL_BROKERS_DOWN, self._kafka.KafkaError._TRANSPORT):
            self.trouble = (
                f"Kafka at {self._log.bootstrap} cannot be reached ({error.str()}). Nothing that was acknowledged is "
                "lost; consuming goes on where it stands once the broker is back."
            )

    def _assigned(self, consumer: Any, assigned: list[TopicPartition]) -> None:
        self.held, self._doubtful = {}, {}
        for one in assigned:
            name = self._log.partition_name(one.partition)
            self.held[name], one.offset = self._positions.take(name, self._member)
            with contextlib.suppress(self._kafka.KafkaException):  # no answer: the first fetch will tell
                _, end = consumer.get_watermark_offsets(one, timeout=5)
                if 0 <= end < one.offset:  # some brokers tell too low an end: ask for the event before
                    self._doubtful[one.partition] = one.offset, time.monotonic() + _SILENT_S
                    one.offset -= 1
        consumer.assign(assigned)

    def _revoked(self, consumer: Any, revoked: list[TopicPartition]) -> None:
        for one in revoked:
            self.held.pop(self._log.partition_name(one.partition), None)

    def poll(self, most: int, timeout: float) -> list[Batch]:
        found: dict[int, list[Any]] = {}
        # a first look takes what is there; waiting for a full batch would cost the whole time-out
        messages: list[Any] = self._consumer.consume(most, 0.0) or self._consumer.consume(1, timeout)
        messages += self._consumer.consume(most - 1, 0.0) if len(messages) == 1 else []
        for message in messages:
            if (error := message.error()) is not None:
                self._refuse(message, error)
            elif self._is_sought(message):
                found.setdefault(message.partition(), []).append(message)
        if found:
            self.trouble = None
        for number, (_, until) in self._doubtful.items():
            if self.trouble is None and time.monotonic() > until:
                raise self._lost(number, "the topic ends before that")
        batches = []
        for number, own in found.items():
            name = self._log.partition_name(number)
            if name in self.held:
                offsets = [m.offset() for m in own]
                values = [m.value() or b"" for m in own]
                batches.append(Batch(name, offsets, values, offsets[-1] + 1))
        return batches

    def ready(self, most: int) -> list[Batch]:
        """Nothing: the client reads ahead by itself, in threads of its own."""
        return []

    def _is_sought(self, message: Any) -> bool:
        """False for an event before the position, which only shows that the log is whole."""
        number, offset = message.partition(), message.offset()
        if number not in self._doubtful:
            return True
        position, _ = self._doubtful.pop(number)
        if offset > position:
            raise self._lost(number, f"the first event there is {offset}")
        return bool(offset >= position)

    def _lost(self, number: int, why: str) -> LogBroken:
        name = self._log.partition_name(number)
        return LogBroken(
            f"Kafka's topic {self._log.topic!r} no longer holds the events from which partition {name} is to be "
            f"read: {why}. The broker lost or dropped them before they were consumed; what was acknowledged is kept. "
            "Restore the topic, or consume a topic of another name."
        )

    def _refuse(self, message: Any, error: Any) -> None:
        codes = self._kafka.KafkaError
        if error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
            raise self._lost(message.partition(), error.str())
        if error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes._UNKNOWN_TOPIC):
            self.trouble = (
                f"Kafka at {self._log.bootstrap} has no topic {self._log.topic!r} yet; waiting for it."
            )
        elif error.code() != codes._PARTITION_EOF:
            self._error(error)

    def seek(self, partition: str, offset: int) -> None:
        if partition in self.held:
            number = int(partition.rpartition("/")[2])
            with contextlib.suppress(self._kafka.KafkaException):  # taken away meanwhile: others read it
                self._consumer.seek(self._kafka.TopicPartition(self._log.topic, number, offset))

    def close(self) -> None:
        self.held = {}
        self._consumer.close()


def _code(error: Exception) -> Any:
    told: Any = error.args[0] if error.args else None
    return told.code() if hasattr(told, "code") else None


def _silent() -> Any:
    """A logger that keeps librdkafka's own lines off the terminal; what matters is told by `trouble`."""
    import logging

    logger = logging.getLogger("qa_lib.kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def read_settings(file: Path | None) -> dict[str, Any]:
    """Further settings of librdkafka from a YAML file; none without one.

    Raises
    ------
    SpecError
        When the file is not there or holds something else than names and values.
    """
    import yaml

    if file is None:
        return {}
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"Kafka's settings {file} cannot be read: {error}.") from None
    if not isinstance(told, dict) or not all(isinstance(name, str) for name in told):
        raise SpecError(
            f"Kafka's settings {file} are no names and values. Write lines such as `sasl.username: me`."
        )
    return told
