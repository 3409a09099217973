"""Which type each field had that every record has: one that is retyped stops the source, like a renamed one.

An id that was text and is a number, a state that became an object, a time that became a list: each would be
read in silence as something else, or as nothing. Empty values say nothing about their field's type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from customer_health.errors import DataContractError
from customer_health.sources.asking.vendor import Resource

# Events carry what a product sent: an id may be 7 here and "7" there, and both land as text.
_PLAIN = ("VARCHAR", "UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE")
_JSON = {
    **dict.fromkeys(_PLAIN, "text or a number"),
    "BOOLEAN": "yes or no",
    "OBJECT": "an object",
    "ARRAY": "a list",
}


class FieldTypes:
    """The types of one resource's required fields, learnt once and held against every later record.

    Args:
        what: Vendor and resource, for messages.
        resource: A description that has changed is a new agreement: its types are learnt anew.
        known: What `kept` returned at the end of an earlier reading.
    """

    def __init__(self, what: str, resource: Resource, known: Mapping[str, Any] | None) -> None:
        self._what = what
        self._of = hashlib.blake2b(resource.model_dump_json().encode(), digest_size=8).hexdigest()
        same = known is not None and known.get("of") == self._of
        self._types: dict[str, str] = dict(known["types"]) if known is not None and same else {}

    def hold(self, name: str, value: Any) -> None:
        """Hold the value of a field against the type that the field has had.

        Raises:
            DataContractError: It is of another type.
        """
        if value is not None:
            self._hold(name, _type_of(value))

    def hold_json(self, name: str, types: Iterable[str | None]) -> None:
        """The same for all values of a column, by the names that DuckDB gives to types of JSON."""
        for one in types:
            if one in _JSON:
                self._hold(name, _JSON[one])

    def _hold(self, name: str, found: str) -> None:
        known = self._types.setdefault(name, found)
        if known != found:
            raise DataContractError(
                f"{self._what}: the field '{name}' was {known} and is {found} now; its type was changed. "
                "Nothing of this reading was kept.",
                hint="Look at the vendor's changelog, then say what it means in your own vendor file "
                "(`extends:`): a resource that is described anew is read with its new types. A field that "
                "has no one type does not belong under `requires:`.",
            )

    def kept(self) -> dict[str, Any]:
        """Return what the ledger keeps; no value of any record is in it."""
        return {"of": self._of, "types": dict(self._types)}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else "text"
