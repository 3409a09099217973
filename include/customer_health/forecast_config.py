"""What the renewal forecast reads of the company file: the fiscal year, and how wide an interval is."""

from __future__ import annotations

from pydantic import Field

from customer_health.sections import Section


class ForecastConfig(Section):
    """Renewals of the next four quarters."""

    fiscal_year_starts: int = Field(1, ge=1, le=12, description="month in which the fiscal year begins")
    interval: float = Field(
        0.9, ge=0.5, le=0.99, description="share of cases that the interval of retained ARR should hold"
    )
