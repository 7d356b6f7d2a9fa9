"""The `qa` command: 0 done, 1 the data, spec or machine is at fault, 2 usage, 3 a bar not met."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; what the library refuses on purpose is one message on stderr."""
    from qa_lib.cli.commands import app
    from qa_lib.errors import WorkbenchError

    try:
        app()
    except WorkbenchError as error:
        print(f"qa: {error}", file=sys.stderr)
        raise SystemExit(1) from None
