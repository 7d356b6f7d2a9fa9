"""Made-up campaigns with known probabilities and a known campaign effect, as frames of features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qa_lib.simulate import FEATURES


def make_campaigns(
    count: int, people: int, *, sd: float, seed: int, weight: float = 0.8, level: float = -2.0
) -> pd.DataFrame:
    """`count` campaigns of two types; the logit is level + type + weight × a trait + the campaign's effect.

    The trait is the standardised logarithm of `offer_spend_amount`. `truth` is the probability without the
    campaign's effect, `is_redeemer` is drawn with it.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        trait = rng.standard_normal(people)
        frame = pd.DataFrame({f.name: rng.gamma(2.0, 1.0, people) for f in FEATURES})
        frame["offer_spend_amount"] = np.exp(3 + trait) - 1
        frame.insert(0, "campaign_id", str(number))
        frame.insert(1, "campaign_type", "Type A" if number % 2 else "Type B")
        frame.insert(2, "person_id", [f"{number}-{i}" for i in range(people)])
        logit = level + 0.5 * (number % 2) + weight * np.clip(trait, -3, None)
        frame["truth"] = 1 / (1 + np.exp(-logit))
        shifted = logit + sd * rng.standard_normal()
        frame["is_redeemer"] = rng.random(people) < 1 / (1 + np.exp(-shifted))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
