"""How customers in their first weeks are scored: the section `onboarding` of the company file."""

from __future__ import annotations

from pydantic import Field

from customer_health.sections import Section


class OnboardingConfig(Section):
    """With whom a new customer is compared, until `model.min_tenure_days` have passed."""

    stayed_days: int = Field(
        365, ge=90, description="a customer of this age has stayed, and is compared with"
    )
    until_days: int = Field(120, ge=1, description="references are kept up to this age")
    age_window_days: int = Field(
        10,
        ge=1,
        le=60,
        description="days by which the age of a reference may differ; fewer in the first weeks",
    )
    min_references: int = Field(
        20, ge=5, description="fewer customers at that age: no lifecycle score, and the row says so"
    )
    at_risk_below: int = Field(
        15, ge=0, le=100, description="lifecycle score below which the onboarding is called at risk"
    )
