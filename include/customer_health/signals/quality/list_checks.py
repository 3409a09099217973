"""Do the lists of the company file mean anything? A misspelt core action would be silence for everybody."""

from __future__ import annotations

from collections.abc import Iterator

from customer_health.company import CompanyConfig
from customer_health.signals.quality.panel_checks import Finding
from customer_health.signals.state.reduction import Reduced

NEVER_SEEN = 2**30  # as the reduction marks a listed feature that no row has


def check_lists(reduced: Reduced, config: CompanyConfig) -> list[Finding]:
    """Name listed features that no usage row has ever had.

    It is a finding and no error: a feature may be listed on the day before it is launched.
    """
    usage = reduced.usage
    if usage is None or not len(usage.features.first_seen):
        return []
    listed = sorted({name for features in usage.sets for name in features})
    unheard = {
        name for name, day in zip(listed, usage.features.first_seen, strict=False) if day >= NEVER_SEEN
    }
    if len(unheard) == len(usage.features.first_seen):
        return []  # no usage at all: freshness tells
    return [
        Finding(
            "unknown_feature",
            "usage",
            f"usage.{setting} ({plan}) lists {_said(missing)}, which no usage row has ever had: spell it as "
            "the usage data do, or take it off the list.",
        )
        for setting, plan, names in _lists(config)
        if (missing := [name for name in names if name in unheard])
    ]


def _said(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _lists(config: CompanyConfig) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for setting in ("core_actions", "key_features", "advanced_features", "export_features"):
        for plan, names in getattr(config.usage, setting).items():
            yield setting, plan, names
