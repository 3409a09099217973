"""The simulated company's own words: its product, and what counts as value in it."""

from __future__ import annotations

from datetime import date, timedelta

from customer_health.simulator.population import WINDOW_WEEKS

ORDINARY_FEATURES = (
    "dashboards", "search", "comments", "alerts", "integrations", "permissions", "forecasting", "automation",
)  # fmt: skip
CORE_ACTIONS = ("report_export", "workflow_run", "api_call")
BULK_EXPORT = "bulk_export"  # customers who look around take their data with them
FEATURES = (*ORDINARY_FEATURES, *CORE_ACTIONS, BULK_EXPORT)
ADVANCED_FEATURES = ("integrations", "forecasting", "automation", "api_call")
KEY_FEATURES = (*ORDINARY_FEATURES, *CORE_ACTIONS)
PLANS = ("basic", "pro", "enterprise")
SEGMENTS = ("smb", "mid_market", "enterprise")

USAGE_SETTINGS = {
    "key_features": {"default": KEY_FEATURES},
    "core_actions": {"default": CORE_ACTIONS},
    "advanced_features": {"default": ADVANCED_FEATURES},
    "export_features": {"default": (BULK_EXPORT,)},
}
"""The `usage` section of a company file that describes this product."""


def default_start(through: date) -> date:
    """Return the Monday on which a company begins whose history reaches to `through`.

    Two and a half years before it: enough for 24 months of training rows and their labels. Keep the
    answer: a company that starts on another day is another company.
    """
    start = through - timedelta(weeks=WINDOW_WEEKS)
    return start - timedelta(days=start.weekday())
