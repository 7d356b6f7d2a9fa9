"""Reading profiles: some tags of everybody, or every tag of one person."""

from __future__ import annotations

import pandas as pd

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.profiles.catalogue import tags
from qa_lib.profiles.lookup import PersonLookup
from qa_lib.workspace import Snapshot, quoted


def tag_values(snapshot: Snapshot, *names: str) -> pd.DataFrame:
    """Some tags of everybody.

    Returns
    -------
    pandas.DataFrame
        One column per name, one row per person in the order of person numbers.

    Raises
    ------
    UnknownName
        For a tag that the snapshot does not have.
    """
    known = [entry["spec"]["name"] for entry in snapshot.meta["tags"]]
    for name in names:
        if name not in known:
            raise UnknownName(f"Unknown tag {name!r}.{did_you_mean(name, known)} See qa_lib.profiles.tags().")
    columns = ", ".join(quoted(name) for name in names)
    return snapshot.frame(f"SELECT {columns} FROM profile ORDER BY person_no", packed=names)


def tag_counts(snapshot: Snapshot, name: str) -> pd.DataFrame:
    """How many people have each value of a tag.

    Returns
    -------
    pandas.DataFrame
        The tag's column and `people_count`, most frequent first; people without a value are left out.
    """
    values = tag_values(snapshot, name)[name].dropna()
    return values.value_counts().rename_axis(name).reset_index(name="people_count")


def person_profile(snapshot: Snapshot, person_id: str) -> pd.DataFrame:
    """Every tag of one person.

    Parameters
    ----------
    person_id
        The person's id, or an id of the source or one merged away that belongs to the person.

    Returns
    -------
    pandas.DataFrame
        `name`, `label_zh`, `label_en`, `value`, `unit`, `window`, one row per tag.

    Raises
    ------
    UnknownName
        When nobody has that id at the snapshot's moment.
    """
    values = PersonLookup(snapshot).values(person_id)
    known = tags(snapshot)[["name", "label_zh", "label_en", "unit", "window"]]
    column = pd.Series([values[name] for name in known["name"]], dtype=object)
    known.insert(3, "value", column)
    return known
