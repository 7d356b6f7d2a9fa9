"""The scores' part of a build, and their reports as a snapshot keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.errors import SpecError, UnknownName
from qa_lib.profiles.behaviour_columns import SUGGESTED
from qa_lib.profiles.moment import OfDraft
from qa_lib.profiles.scores import Scored, computed
from qa_lib.tables import Label
from qa_lib.workspace import Draft, Snapshot

#: The entry of the meta data that holds each score's declaration and report.
META = "scores"
GROUP = Label("评分与模型", "Scores and models")
_REPORTED = (
    "learnt_at",
    "examined_at",
    "people",
    "base_rate",
    "auc",
    "auc_low",
    "auc_high",
    "brier",
    "calibration_error",
    "lift_top_tenth",
    "scored",
)


def fill_scores(
    draft: Draft, scores: Sequence[Any], taken: Iterable[str], say: Callable[[str], None]
) -> None:
    """Compute the scores of a draft whose events are there, and write their tags.

    Parameters
    ----------
    taken
        Names that other tags have.

    Raises
    ------
    SpecError
        For a name that is taken.
    """
    moment, names, told = OfDraft(draft), set(taken), []
    for score in scores:
        say(f"tags: {score.kind}")
        made, report = computed(score, moment)
        for one in made:
            if one.tag.name in names:
                raise SpecError(
                    f"Score {score.kind!r} gives the tag {one.tag.name!r}, which is there already. Give it "
                    "another prefix in tag_scores/, or take it out."
                )
            names.add(one.tag.name)
            _write(draft, one, moment.people_count)
        told.append(
            {
                "kind": score.kind,
                "spec": score.to_dict(),
                "tags": [o.tag.name for o in made],
                "report": report,
            }
        )
    if scores:
        draft.meta[META] = told


def _write(draft: Draft, one: Scored, people: int) -> None:
    known = np.zeros(people, dtype=bool)
    known[one.people] = True
    parts = None if known.all() else [known]
    if one.tag.type == "text":
        values = np.full(people, len(one.texts), dtype=np.min_scalar_type(len(one.texts)))
        values[one.people] = one.values
        draft.columns.array(one.tag.name, "text", [values], texts=one.texts, in_profile=False, known=parts)
        n = np.bincount(one.values, minlength=len(one.texts))
        common = sorted(zip(one.texts, n.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        draft.meta["values"][one.tag.name] = [[text, count] for text, count in common[:SUGGESTED] if count]
    else:
        numbers = np.zeros(people, dtype=one.values.dtype if len(one.values) else np.float64)
        numbers[one.people] = one.values
        draft.columns.array(one.tag.name, "number", [numbers], in_profile=False, known=parts)
    draft.meta["coverage"][one.tag.name] = len(one.people)
    draft.meta["tags"].append({"family": "scores", "group": list(GROUP), "spec": one.tag.to_dict()})


def model_reports(snapshot: Snapshot) -> pd.DataFrame:
    """How each model of a snapshot was learnt, and how well it foretold people it had not seen.

    Returns
    -------
    pandas.DataFrame
        One row per model: `kind`, `learnt_at`, `examined_at`, `people` (examined), `base_rate`, `auc` with
        `auc_low` and `auc_high` (90 %), `brier`, `calibration_error`, `lift_top_tenth`, `scored` (people of
        today), `not_computed` (why not, where it was not).
    """
    rows = []
    for entry in snapshot.meta.get(META, ()):
        report = entry["report"]
        if "auc" in report or ("not_computed" in report and entry["kind"] in ("churn", "high_potential")):
            told = {name: report.get(name) for name in _REPORTED}
            rows.append({"kind": entry["kind"], **told, "not_computed": report.get("not_computed")})
    return pd.DataFrame(rows, columns=["kind", *_REPORTED, "not_computed"])


def model_calibration(snapshot: Snapshot, kind: str) -> pd.DataFrame:
    """What a model foretold and what came true, by tenths of the people it was examined on.

    Returns
    -------
    pandas.DataFrame
        `predicted_rate`, `observed_rate`, `people_count`.

    Raises
    ------
    UnknownName
        When the snapshot has no such model, or it could not be learnt.
    """
    for entry in snapshot.meta.get(META, ()):
        if entry["kind"] == kind and "bins" in entry["report"]:
            return pd.DataFrame(entry["report"]["bins"])
    there = [e["kind"] for e in snapshot.meta.get(META, ()) if "bins" in e["report"]]
    raise UnknownName(
        f"The snapshot has no examined model {kind!r}; it has {', '.join(there) or 'none'}. Declare it in "
        "tag_scores/ (`qa tags standard`) and build again."
    )
