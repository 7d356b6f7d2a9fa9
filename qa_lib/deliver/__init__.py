"""Hand messages to providers: a ledger with a committed intent before every call, adapters, a worker.

A message is one (campaign version, step, person, channel). After a kill at any instant a restart finishes
the queue; what is promised depends on what the provider can do, one row of `Capabilities` each.
The mail adapter is `qa_lib.deliver.smtp.Smtp`.
"""

from qa_lib.deliver.adapters import Adapter, Capabilities, FileOutbox
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.messages import Defer, MayContact, Message, Outcome, Planned
from qa_lib.deliver.receipts import Applied, Receipt, apply_receipts
from qa_lib.deliver.recovery import resolve
from qa_lib.deliver.sends import contacted_count, counts, history_of, next_moment, sends_frame, unknowns
from qa_lib.deliver.stops import opt_out, stopping
from qa_lib.deliver.worker import Run, run

__all__ = [
    "Adapter",
    "Applied",
    "Capabilities",
    "Defer",
    "FileOutbox",
    "Ledger",
    "MayContact",
    "Message",
    "Outcome",
    "Planned",
    "Receipt",
    "Run",
    "apply_receipts",
    "contacted_count",
    "counts",
    "history_of",
    "next_moment",
    "opt_out",
    "resolve",
    "run",
    "sends_frame",
    "stopping",
    "unknowns",
]
