"""Hand messages to providers: a ledger with a committed intent before every call, adapters, a worker.

`carry_out` takes a kept plan to its people, every guard asked again at hand-off; `publish_sends` puts what
became of it into the shared tables; `replay` rehearses it on a clock of its own, into a file.

A message is one (campaign version, step, person, channel). After a kill at any instant a restart finishes
the queue; what is promised depends on what the provider can do, one row of `Capabilities` each.
The mail adapter is `qa_lib.deliver.smtp.Smtp`.
"""

from qa_lib.deliver.adapters import Adapter, Capabilities, FileOutbox
from qa_lib.deliver.carrying_out import carry_out
from qa_lib.deliver.from_plan import messages_of
from qa_lib.deliver.hand_off import HandOffGuard
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.messages import BatchGuard, Defer, MayContact, Message, Outcome, Planned
from qa_lib.deliver.publishing import publish_sends
from qa_lib.deliver.receipts import Applied, Receipt, apply_receipts
from qa_lib.deliver.recovery import resolve
from qa_lib.deliver.replays import ReplayClock, replay, replay_ledger
from qa_lib.deliver.sends import contacted_count, counts, history_of, next_moment, sends_frame, unknowns
from qa_lib.deliver.stops import opt_in, opt_out, stopping, suppress
from qa_lib.deliver.worker import Run, run

__all__ = [
    "Adapter",
    "Applied",
    "BatchGuard",
    "Capabilities",
    "Defer",
    "FileOutbox",
    "HandOffGuard",
    "Ledger",
    "MayContact",
    "Message",
    "Outcome",
    "Planned",
    "Receipt",
    "ReplayClock",
    "Run",
    "apply_receipts",
    "carry_out",
    "contacted_count",
    "counts",
    "history_of",
    "messages_of",
    "next_moment",
    "opt_in",
    "opt_out",
    "publish_sends",
    "replay",
    "replay_ledger",
    "resolve",
    "run",
    "sends_frame",
    "stopping",
    "suppress",
    "unknowns",
]
