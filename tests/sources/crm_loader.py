"""Loads the CRM's members again and again; a test kills it. Arguments: workspace, source, how often."""

from __future__ import annotations

import sys

from qa_lib.sources import load_source, read_source
from qa_lib.workspace import Workspace

workspace, source = Workspace.open(sys.argv[1]), read_source(sys.argv[2])
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    print(load_source(workspace, source).read_count, flush=True)
