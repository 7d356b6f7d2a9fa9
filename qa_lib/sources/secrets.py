"""Secrets of sources: read when they are needed, and never in a message, a report or a log."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from qa_lib.errors import SpecError
from qa_lib.sources.source import Secret


def reveal(secret: Secret, source: str, root: Path) -> str:
    """The secret's value.

    Parameters
    ----------
    root
        The folder that a file's path is taken from, the workspace's.

    Raises
    ------
    SpecError
        When the variable is not set, or the file cannot be read or is empty.
    """
    if secret.env is not None:
        value = os.environ.get(secret.env, "")
        if not value.strip():
            raise SpecError(
                f"Source '{source}' takes its secret from ${secret.env}, which is not set. Set it where the load runs."
            )
        return value.strip()
    assert secret.file is not None
    try:
        value = (root / secret.file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SpecError(f"Source '{source}' takes its secret from {secret.words}: {why}.") from None
    if not value:
        raise SpecError(f"Source '{source}' takes its secret from {secret.words}, which is empty.")
    return value


def without(text: str, secret: str) -> str:
    """A text in which a secret, or the password, user and host of a database's URL, reads `***`."""
    hidden = {secret, quote(secret, safe=""), quote_plus(secret)}
    try:
        url = sa.make_url(secret)
    except sa.exc.ArgumentError:
        url = None
    if url is not None:
        parts = [url.password, url.username, url.host, url.database]
        hidden |= {str(part) for part in parts if part}
        hidden |= {quote(str(part), safe="") for part in parts if part}
    for part in sorted(hidden, key=len, reverse=True):
        text = text.replace(part, "***")
    return text
