"""Sections of the company file that say what contracts mean where paperwork is silent."""

from __future__ import annotations

from pydantic import Field

from customer_health.sections import Section


class ContractsConfig(Section):
    """When a customer whose term has passed is still one."""

    presume_renewed: bool = Field(
        default=True,
        description="keep as customers those whose term passed over 30 days ago while usage goes on; "
        "they are listed either way",
    )
    active_within_days: int = Field(
        default=30, ge=1, description="usage goes on while no more than this many days pass without any"
    )


class OutcomesConfig(Section):
    """Which losses are read off contracts and invoices, where the company brings no outcomes of that kind."""

    derive: bool = Field(default=True, description="derive what the company's own outcomes do not tell")
    grace_days: int = Field(
        default=30, ge=0, description="a contract that follows within this many days continues the last one"
    )
    seats_fall: float = Field(
        default=0.1, ge=0, lt=1, description="a contraction loses more than this share of the seats"
    )
    seats_window_days: int = Field(
        default=90, ge=1, description="seats are compared with the most in this many days before"
    )
    usage_fall: float = Field(
        default=0.2, gt=0, le=1, description="share of usage-based revenue whose loss is a contraction"
    )
    usage_window_days: int = Field(
        default=90,
        ge=28,
        description="usage-based revenue of this many days is compared with that of as many before",
    )
    usage_least_revenue: float = Field(
        default=0.0, ge=0, description="yearly usage-based revenue below which falls are noise"
    )
