"""What the company file says about a vendor that is asked for data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from customer_health.sections import CanonicalTable, Section, shaped

SourceName = Annotated[str, shaped(r"[a-z][a-z0-9_]{0,62}", "a source's name such as zendesk_eu")]


class SourceOptions(Section):
    """One vendor that the company asks for data; the section's name is the source's.

    Attributes:
        vendor: The vendor file, by its name; empty: the same as the source's.
        options: Values of the vendor file's `connection:` that are not secrets, such as a subdomain.
        tables: Canonical tables that are taken from it; empty: all that it brings.
        late_hours: Hours by which it delivers behind; empty: what the vendor file says (`late:`).
        through: An address that every call goes to instead, with its path: a recording proxy, or a server on
            this machine. Only https addresses, and http on this machine, are accepted.
    """

    vendor: str = ""
    options: Mapping[str, str] = Field(default_factory=dict)
    tables: tuple[CanonicalTable, ...] = ()
    late_hours: float | None = Field(None, ge=0)
    through: Annotated[
        str,
        shaped(
            r"(https://[^\s@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)?",
            "an https address, or an http one on this machine",
        ),
    ] = ""
