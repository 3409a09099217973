"""Totango: its options, its credentials, what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from customer_health.connections.connection_options import Options, ScoreField
from customer_health.connections.kind import Kind


class TotangoOptions(Options):
    """`plays` maps a playbook's play to the id of a manual, active SuccessPlay."""

    per_second: float = Field(1.5, ge=0.1, le=50, description="Totango allows 100 calls a minute")
    region: Literal["us", "eu"] = "us"
    plays: Mapping[str, str] = Field(default_factory=dict)
    activity_type_id: str = "support"
    fields: Mapping[ScoreField, str] = Field(
        default={"score": "AI Health Score", "tier": "AI Health Tier", "why": "AI Health Why"}
    )


KIND = Kind(
    name="totango",
    title="Totango",
    options=TotangoOptions,
    opens="customer_health.destinations.success_platforms.totango:open_totango",
    verbs=("enroll", "create_task", "set_fields"),
    after_lost_answer="plays and tasks wait for a person: Totango keeps no key. Attributes are written again",
    needs="an app token, the service id",
    keys=(("app_token", "service_id"),),
    places={"login": "service_id", "password": "app_token"},
)
