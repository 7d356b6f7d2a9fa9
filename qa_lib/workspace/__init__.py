"""A folder that many processes share: tables, state, and published snapshots that are read whole.

Tables are Delta Lake (append, replace, one version a commit), state is SQL, and a snapshot is one
read-only DuckDB file per published moment with memory-mapped columns beside it. The rest of the code sees only these verbs.
"""

from qa_lib.workspace.cancelling import Cancelling, cancellable, go_on, see_through
from qa_lib.workspace.columns import Column, Columns
from qa_lib.workspace.draft import Draft
from qa_lib.workspace.export import STAMP, export_rows, export_tables
from qa_lib.workspace.flag_rows import FlagRows, by_person
from qa_lib.workspace.people import followed, held_at
from qa_lib.workspace.snapshot import Snapshot
from qa_lib.workspace.sql import file_literal, quoted
from qa_lib.workspace.state import Landing, Published
from qa_lib.workspace.store import Upserted
from qa_lib.workspace.streamed import with_stream
from qa_lib.workspace.workspace import Workspace, library_version, read_moment

__all__ = [
    "STAMP",
    "Cancelling",
    "Column",
    "Columns",
    "Draft",
    "FlagRows",
    "Landing",
    "Published",
    "Snapshot",
    "Upserted",
    "Workspace",
    "by_person",
    "cancellable",
    "export_rows",
    "export_tables",
    "file_literal",
    "followed",
    "go_on",
    "held_at",
    "library_version",
    "quoted",
    "read_moment",
    "see_through",
    "with_stream",
]
