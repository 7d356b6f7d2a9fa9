"""The numbers behind every simulated campaign: its effect, who is reached and who redeems, in blocks of people.

The bands of `simulate_campaign` and the worlds of `rehearse` read the same numbers, so draw w is world w.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa_lib.simulate.campaign_effect import CampaignEffect
from qa_lib.workspace import go_on

_BLOCK = 65_536  # people per block: each has its own seed, so the block must not depend on the machine
_CELLS = 4_194_304  # people × draws in memory at once, 16 MB of them


class Drawn(NamedTuple):
    """Some draws of one block of people; the arrays are of shape (n_draws, n_people).

    `reached` is None where no delivery rate was stated: everybody then counts as reached. `rng` is the
    block's own for whatever follows from these draws; drawing from it changes none of them.
    """

    people: slice
    draws: slice
    reached: NDArray[np.bool_] | None
    redeems: NDArray[np.bool_]
    rng: np.random.Generator


def campaign_effects(effect: CampaignEffect, draw_count: int, random_state: int) -> NDArray[np.float64]:
    """One effect on the logit per draw; with another count of draws every one of them is another."""
    return effect.draw(draw_count, np.random.default_rng(_seeds(random_state, 0)[0]))


def basket_noise(draw_count: int, random_state: int) -> NDArray[np.float64]:
    """One standard normal number per draw, for how much its baskets vary."""
    return np.random.default_rng(_seeds(random_state, 0)[1]).standard_normal(draw_count)


def draw_people(
    probability: NDArray[np.float64],
    effects: NDArray[np.float64],
    *,
    delivery_rate: float | None,
    random_state: int,
) -> Iterator[Drawn]:
    """Whom each draw reaches and who then redeems, block by block and in each block by draw.

    One number per person and draw decides both: below the delivery rate they are reached, below its product
    with their chance they redeem. The first draws are the same however many follow, and whatever the
    machine's memory.

    Parameters
    ----------
    probability : shape (n_people,)
        Of redeeming when reached, in a campaign whose effect is 0.
    effects : shape (n_draws,)
        On the logit, from `campaign_effects`.
    """
    rate = 1.0 if delivery_rate is None else delivery_rate
    for i, seed in enumerate(_seeds(random_state, len(probability))[2:]):
        people = slice(i * _BLOCK, min((i + 1) * _BLOCK, len(probability)))
        p = probability[people]
        rng, follow = np.random.default_rng(seed), np.random.default_rng(seed.spawn(1)[0])
        odds = (p / np.maximum(1 - p, 1e-12)).astype(np.float32)
        step = max(1, _CELLS // len(p))
        for first in range(0, len(effects), step):
            go_on()
            some = slice(first, min(first + step, len(effects)))
            number = rng.random((some.stop - first, len(p)), dtype=np.float32)
            shifted = np.exp(effects[some]).astype(np.float32)[:, None] * odds
            redeems = number * (1 + shifted) < rate * shifted
            reached = None
            if delivery_rate is not None:
                reached = number < rate
                redeems &= reached  # rounding must not make a redeemer of somebody who was not reached
            yield Drawn(people, some, reached, redeems, follow)


def _seeds(random_state: int, people_count: int) -> list[np.random.SeedSequence]:
    """Of the effects, of the baskets, and one for each block of people."""
    return np.random.SeedSequence(random_state).spawn(2 + -(-people_count // _BLOCK))
