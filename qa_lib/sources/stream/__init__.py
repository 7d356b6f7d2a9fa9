"""The stream: events are durable before they are acknowledged, each counts once, and none is lost.

A `Log` holds what is to be consumed: embedded in one SQLite file, or Kafka. A `Consumer` reads it in micro-batches
under `Contracts` into the `StreamState`, in one transaction with the position and with what its handler makes;
a `DeltaWriter` carries the events on into the shared tables.
"""

from qa_lib.sources.stream.consumer import Consumer, Handler, NoHandler, Step, Total
from qa_lib.sources.stream.contracts import SHOP_CONTRACTS, Contracts, EventContract, Poison, StreamEvent
from qa_lib.sources.stream.log import Batch, Log, Reader
from qa_lib.sources.stream.relay import MatchRelay
from qa_lib.sources.stream.sqlite_log import SqliteLog
from qa_lib.sources.stream.state import Seam, StreamState
from qa_lib.sources.stream.to_delta import DeltaWriter
from qa_lib.sources.stream.topics import MATCHES, Topic, events_topic, match_records

__all__ = [
    "MATCHES",
    "SHOP_CONTRACTS",
    "Batch",
    "Consumer",
    "Contracts",
    "DeltaWriter",
    "EventContract",
    "Handler",
    "Log",
    "MatchRelay",
    "NoHandler",
    "Poison",
    "Reader",
    "Seam",
    "SqliteLog",
    "Step",
    "StreamEvent",
    "StreamState",
    "Topic",
    "Total",
    "events_topic",
    "match_records",
]
