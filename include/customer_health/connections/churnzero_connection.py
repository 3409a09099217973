"""ChurnZero: its options, its credentials, what it can do."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from customer_health.connections.connection_options import Options, ScoreField
from customer_health.connections.kind import Kind


class ChurnzeroOptions(Options):
    """Account attributes; custom ones must exist in ChurnZero."""

    fields: Mapping[ScoreField, str] = Field(
        default={"score": "AI Health Score", "tier": "AI Health Tier", "why": "AI Health Why"}
    )


KIND = Kind(
    name="churnzero",
    title="ChurnZero",
    options=ChurnzeroOptions,
    opens="customer_health.destinations.success_platforms.churnzero:open_churnzero",
    verbs=("set_fields",),
    after_lost_answer="written again",
    needs="the app key",
    keys=(("host", "app_key"),),
    places={"host": "host", "password": "app_key"},
)
