"""What the options of every connection share, and secrets that never print.

Options (versions, field names, channels, rates) are business settings and live in YAML. Secrets never
do: the command line reads them from `CUSTOMER_HEALTH_SECRET_<KIND>`, a JSON object, and Airflow's hook
passes the same object from a Connection; see `settings.load_settings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from customer_health.sections import Section, shaped

# Names that end up in SOQL, in URLs and in JSON keys: letters, digits and underscores only.
FieldName = Annotated[
    str, shaped(r"[A-Za-z][A-Za-z0-9_]{0,79}", "a field's name: letters, digits and underscores")
]
Host = Annotated[
    str,
    shaped(
        r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+",
        "a host's name such as example.com, in lower case",
    ),
]
ScoreField = Literal[
    "score",
    "tier",
    "band",
    "trend",
    "p_churn_90",
    "p_churn_180",
    "p_churn_decision",
    "primary_reason",
    "why",
    "coverage",
    "as_of",
    "scored_at",
    "model_id",
    "mode",
]
FieldMap = Mapping[ScoreField, FieldName]


class Secret(Mapping[str, str]):
    """Credentials of one destination. Reads like a mapping; prints only the names of its keys."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secret(keys={sorted(self._values)})"


# Where a person opens a record in the vendor's own pages; {id} is the vendor's id of it.
RecordUrl = Annotated[str, Field(pattern=r"^(https://[^\s\"'<>{}]+\{id\}[^\s\"'<>{}]*)?$")]


class Options(Section):
    """What every destination has: time-outs and rates.

    Attributes:
        timeout_seconds: Each of connecting and reading. A call to any destination makes at most three
            requests, so that it ends well within the 30 s that a lease allows for it.
        per_second: Requests a second at most, on average.
        burst: Requests that may go at once after a pause.
    """

    timeout_seconds: float = Field(10.0, gt=0, le=30)
    per_second: float = Field(5.0, ge=0.1, le=200)
    burst: int = Field(5, ge=1, le=200)
