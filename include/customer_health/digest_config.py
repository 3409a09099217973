"""Who reads the Monday digest, and when it is Monday morning there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from customer_health.sections import Address, Section, Zone, shaped

PageAddress = Annotated[
    str, shaped(r"(https?://[^\s<>|]{3,500})?", "an address such as https://airflow.example.com/health")
]


class DigestReader(Section):
    """One person who gets the digest by mail."""

    address: Address = Field(description="where it is sent")
    timezone: Zone = Field("UTC", description="zone whose Monday morning counts")


class DigestConfig(Section):
    """The Monday digest: to Slack's channel of alerts, and by mail to those who are named here."""

    readers: tuple[DigestReader, ...] = Field(
        (), description="people who get it by mail; with roles.limited, each about their own customers"
    )
    timezone: Zone = Field("UTC", description="zone of the readers of Slack's channel")
    hour: int = Field(7, ge=0, le=23, description="local hour on Monday before which it does not leave")
    page: PageAddress = Field("", description="address of the Customer Health page, for links; empty: none")
