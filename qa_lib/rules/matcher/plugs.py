"""What answers each kind of condition that is no comparison of a field and no measure of events."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.matcher.days import day_condition
from qa_lib.rules.matcher.journeys import LifecycleLeaf, SequenceLeaf
from qa_lib.rules.matcher.membership import SplitLeaf
from qa_lib.rules.matcher.moments import NEVER
from qa_lib.rules.matcher.person import Person
from qa_lib.rules.matcher.sections import Plug
from qa_lib.rules.model import Attribute, Tag


class TimedField:
    """A condition on a day of the person's own whose answer changes with time."""

    event_names: tuple[str, ...] = ()

    def __init__(self, condition: Attribute | Tag, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._name = condition.field
        self.field_names = (condition.field,)
        found = day_condition(condition, zone)
        assert found is not None
        self._condition = found

    def holds(self, person: Person, as_of: int) -> bool:
        return self._condition.holds(person.fields.get(self._name), as_of)

    def changes(self, person: Person, as_of: int) -> int:
        found = self._condition.changes(person.fields.get(self._name), as_of)
        return NEVER if found is None else found


PLUGS: dict[str, Plug] = {
    "attribute": TimedField,
    "tag": TimedField,
    "sequence": SequenceLeaf,
    "lifecycle": LifecycleLeaf,
    "split": SplitLeaf,
}
