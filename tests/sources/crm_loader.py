"""Loads the CRM's members and says when a part is about to land; a test kills it. Arguments: workspace, source."""

from __future__ import annotations

import sys

from qa_lib.sources import load_source, read_source
from qa_lib.workspace import Workspace

load_source(
    Workspace.open(sys.argv[1]), read_source(sys.argv[2]), lambda words: print("landing", words, flush=True)
)
