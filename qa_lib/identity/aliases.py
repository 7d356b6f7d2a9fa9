"""Generated aliases for the demo's households, with known errors and the truth kept beside them.

The source has one identifier only, the household's loyalty card: its value is the source's own id. Here
each household gets a hashed phone, devices and a mini-program open id beside it, and a shop's usual errors
between them. Every link says `generated`; nothing about the real households may be drawn from them.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from qa_lib.errors import NothingBuilt
from qa_lib.identity.record import read_links
from qa_lib.tables import LINKS, TABLES
from qa_lib.workspace import Landing, Workspace

FEED = "generated.links"
TRUTH = Path("truth") / "identity.parquet"
#: Raised whenever the recipe below changes, so that the links are generated anew.
RECIPE = 2


@dataclass(frozen=True)
class AliasErrors:
    """How often what goes wrong, each a rate of the households that have the alias.

    Attributes
    ----------
    typo_rate
        A digit of the phone was mistyped at the till.
    family_rate
        The household's card was registered with another household's phone.
    recycled_rate
        A device was sold on and is used by another household from then on; it is that household's.
    missing_rate
        A link was never recorded.
    till_phone_cards
        Cards that one cashier registered with the till's own phone.
    """

    typo_rate: float = 0.02
    family_rate: float = 0.03
    recycled_rate: float = 0.03
    missing_rate: float = 0.05
    till_phone_cards: int = 40


def generate_aliases(workspace: Workspace, *, random_state: int = 2017) -> pd.DataFrame:
    """Fill the generated part of `links`, keep the truth under `truth/`, and return the truth.

    The same rows for the same seed and orders; a second call writes nothing. Observed links stay.

    Returns
    -------
    pandas.DataFrame
        `kind, value, person_id, error`: whose each identifier really is; `error` is empty, or typo,
        family, recycled or till.
    """
    orders = TABLES["order_lines"]
    version = workspace.store.version(orders.name)
    digest = hashlib.sha256(f"{RECIPE}:{random_state}:{version}".encode()).hexdigest()
    known = workspace.state.last_landing(FEED)
    path = workspace.root / TRUTH
    if known and known.content_hash == digest and path.is_file():
        return read_truth(workspace)
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        people = con.execute(
            "SELECT person_id, epoch_us(min(occurred_at)) AS first_us, epoch_us(max(occurred_at)) AS last_us "
            f"FROM ({workspace.store.scan_sql(orders, version)}) GROUP BY person_id "
            "ORDER BY length(person_id), person_id"
        ).df()
    links, truth = aliases_of(people, random_state=random_state)
    if workspace.store.exists(LINKS.name):
        others = read_links(workspace)
        links = pd.concat([others[others["origin"] != "generated"], links], ignore_index=True)
    rows = pa.Table.from_pandas(links, schema=LINKS.arrow_schema(), preserve_index=False)
    table_version = workspace.replace(LINKS, rows.to_batches())
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".beside")
    truth.to_parquet(beside, index=False)
    beside.replace(path)
    count = int((links["origin"] == "generated").sum())
    seed = f"seed {random_state}"
    workspace.record_landing(
        Landing(FEED, LINKS.name, seed, digest, count, 0, table_version, datetime.now(UTC))
    )
    return read_truth(workspace)


def read_truth(workspace: Workspace) -> pd.DataFrame:
    """Whose each generated identifier really is, as `generate_aliases` kept it; read to measure only.

    Raises
    ------
    NothingBuilt
        When no aliases were generated.
    """
    path = workspace.root / TRUTH
    if not path.is_file():
        raise NothingBuilt(
            f"There is no truth {path}: no aliases were generated. Make them with "
            "qa_lib.identity.generate_aliases, as notebooks/jobs/land.ipynb does."
        )
    return pd.read_parquet(path)


def aliases_of(
    people: pd.DataFrame, *, random_state: int, errors: AliasErrors | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The generated links of these households, and whose each identifier really is.

    Parameters
    ----------
    people
        `person_id`, `first_us`, `last_us` (first and last order, microseconds since 1970, UTC), in a
        fixed order.

    Returns
    -------
    links, truth : pandas.DataFrame
        The columns of the table `links`, in order of time; `kind, value, person_id, error`.
    """
    errors = errors or AliasErrors()
    rng = np.random.default_rng(random_state)
    n = len(people)
    who = people["person_id"].to_numpy(dtype=object)
    first, last = people["first_us"].to_numpy(), people["last_us"].to_numpy()
    card = who.copy()  # the source's id is what stands on the card: so a build knows whose its rows are
    numbers = 13_000_000_000 + rng.choice(900_000_000, size=n + 1, replace=False)
    phone = np.array([_hashed_phone(int(x)) for x in numbers], dtype=object)
    open_id = np.array([f"o{_code(rng, 27)}" for _ in range(n)], dtype=object)
    device = np.array([[_code(rng, 32), _code(rng, 32)] for _ in range(n)], dtype=object).reshape(n, 2)
    has_open_id, has_app, has_second = (rng.random(n) < p for p in (0.7, 0.6, 0.25))
    has_second &= has_app

    truth = [("card", c, h, "") for c, h in zip(card, who, strict=True)]
    truth += [("phone_sha256", p, h, "") for p, h in zip(phone[:n], who, strict=True)]
    truth += [("open_id", o, h, "") for o, h in zip(open_id[has_open_id], who[has_open_id], strict=True)]
    truth += [("device", d, h, "") for d, h in zip(device[has_app, 0], who[has_app], strict=True)]
    truth += [("device", d, h, "") for d, h in zip(device[has_second, 1], who[has_second], strict=True)]

    # at the till: the card with the phone that was told, mistyped, borrowed or the cashier's own
    told = phone[:n].copy()
    wrong = {}
    for x in np.flatnonzero(rng.random(n) < errors.typo_rate):
        told[x] = _hashed_phone(20_000_000_000 + int(numbers[x]) % 1_000_000_000)
        truth.append(("phone_sha256", told[x], who[x], "typo"))
    for x in np.flatnonzero(rng.random(n) < errors.family_rate):
        told[x] = phone[int(rng.integers(n))]
        wrong[card[x]] = "family"
    for x in rng.permutation(n)[: min(errors.till_phone_cards, n // 5)]:
        told[x] = phone[n]
        wrong[card[x]] = "till"

    def later(share: float = 1.0) -> np.ndarray:
        """A moment of each household's between its first and last order, the earlier the smaller the share."""
        return first + ((last - first) * rng.random(n) * share).astype(np.int64)

    at_till, at_open, at_app = later(0.1), later(0.8), later(0.8)
    parts = [_links("card", card, "phone_sha256", told, "till", at_till)]
    parts.append(_links("open_id", open_id, "phone_sha256", phone[:n], "mini_program", at_open, has_open_id))
    parts.append(_links("device", device[:, 0], "phone_sha256", phone[:n], "app_login", at_app, has_app))
    parts.append(_links("device", device[:, 1], "phone_sha256", phone[:n], "app_login", later(), has_second))
    bound = has_open_id & (rng.random(n) < 0.4)
    parts.append(_links("open_id", open_id, "card", card, "card_binding", later(), bound))
    links = pd.concat(parts, ignore_index=True)
    links = links[rng.random(len(links)) >= errors.missing_rate]

    sold = np.flatnonzero(has_app & (rng.random(n) < errors.recycled_rate))
    if len(sold):
        buyer = rng.integers(n, size=len(sold))
        used_at = np.maximum(at_app[sold], last[buyer])
        links = pd.concat(
            [links, _links("device", device[sold, 0], "phone_sha256", phone[buyer], "app_login", used_at)],
            ignore_index=True,
        )
        owner = dict(zip(device[sold, 0], who[buyer], strict=True))
        truth = [(k, v, owner.get(v, h), "recycled" if v in owner else e) for k, v, h, e in truth]
    seen = pd.concat(
        [_seen("card", card, first), _seen("phone_sha256", phone[:n], at_till)], ignore_index=True
    )
    links = pd.concat([links, seen], ignore_index=True)
    kept = pd.DataFrame(
        [(k, v, h, wrong.get(v, e) if k == "card" else e) for k, v, h, e in truth],
        columns=["kind", "value", "person_id", "error"],
    )
    named = set(zip(links["left_kind"], links["left_value"], strict=True))
    named |= set(zip(links["right_kind"], links["right_value"], strict=True))
    in_links = [i in named for i in zip(kept["kind"], kept["value"], strict=True)]
    by = ["observed_at", "left_kind", "left_value", "right_kind", "right_value", "source"]
    return links.sort_values(by, ignore_index=True), kept[in_links].reset_index(drop=True)


def _hashed_phone(number: int) -> str:
    return hashlib.sha256(f"+86{number}".encode()).hexdigest()


def _code(rng: np.random.Generator, length: int) -> str:
    return rng.bytes((length + 1) // 2).hex()[:length]


def _links(
    left_kind: str,
    left: np.ndarray,
    right_kind: str,
    right: np.ndarray,
    source: str,
    at_us: np.ndarray,
    chosen: np.ndarray | None = None,
) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "left_kind": left_kind,
            "left_value": left,
            "right_kind": right_kind,
            "right_value": right,
            "source": source,
            "observed_at": pd.to_datetime(at_us, unit="us", utc=True),
            "origin": "generated",
        }
    )
    return rows if chosen is None else rows[chosen]


def _seen(kind: str, values: np.ndarray, at_us: np.ndarray) -> pd.DataFrame:
    return _links(kind, values, kind, values, "seen", at_us)
