"""Who goes first where not everybody can: priority, then expected value, then a stable hash.

The order is a function of what is compared and never of the order in which it arrives, so a second run,
another machine or a shuffled input gives the same people the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd


def first_order(
    priority: Sequence[int], expected_value: Sequence[object], tie: Sequence[int]
) -> npt.NDArray[np.intp]:
    """The positions in the order in which they are served.

    Parameters
    ----------
    priority, expected_value, tie : shape (n,)
        Higher priority first, then higher expected value (any exact numbers), then the smaller tie.
    """
    keys = list(zip(priority, expected_value, tie, strict=True))
    return np.array(
        sorted(range(len(keys)), key=lambda i: (-keys[i][0], -keys[i][1], keys[i][2])),  # type: ignore[operator]
        dtype=np.intp,
    )


def in_first_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with the columns `priority`, `expected_value_amount` and `tie`, in the order of service."""
    order = first_order(
        frame["priority"].tolist(), frame["expected_value_amount"].tolist(), frame["tie"].tolist()
    )
    return frame.iloc[order]
