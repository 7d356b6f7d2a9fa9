"""`python -m qa_lib.cli`: the `qa` command where its script is not on the path."""

from qa_lib.cli import main

main()
