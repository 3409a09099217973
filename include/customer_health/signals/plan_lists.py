"""Resolve the lists of the company file that declarations point to, per plan where they vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.signals.signal import Condition, FromConfig, Signal


@dataclass(frozen=True)
class FeatureSets:
    """Which features a usage signal looks at, per plan.

    Attributes:
        by_plan: Plan -> features; the plan "default" serves every other plan.
        otherwise: For plans without an entry: "all" features, or "unknown".
    """

    by_plan: Mapping[str, tuple[str, ...]]
    otherwise: str = "all"

    def of(self, plan: str | None) -> tuple[str, ...] | str | None:
        """Return the features of a plan, None for all of them, or "unknown"."""
        if plan is not None and plan in self.by_plan:
            return self.by_plan[plan]
        if "default" in self.by_plan:
            return self.by_plan["default"]
        return "unknown" if self.otherwise == "unknown" else None

    def distinct(self) -> list[tuple[str, ...]]:
        """Every set that some plan names, each once, in a stable order."""
        return sorted(set(self.by_plan.values()))


ALL_FEATURES = FeatureSets({})


def lookup(config: CompanyConfig, path: str) -> object:
    """Return the value at `section.key` of the company file.

    Raises:
        ConfigurationError: There is no such setting.
    """
    value: object = config
    for part in path.split("."):
        if not hasattr(value, part):
            raise ConfigurationError(
                f"A signal points to the setting '{path}', which does not exist.",
                hint="Name a section and key of the company file, such as usage.core_actions.",
            )
        value = getattr(value, part)
    return value


def feature_sets(signal: Signal, config: CompanyConfig) -> FeatureSets:
    """Resolve a usage signal's condition on `feature`."""
    condition = signal.where.get("feature")
    if condition is None:
        return ALL_FEATURES
    if isinstance(condition, FromConfig):
        found = lookup(config, condition.path)
        if isinstance(found, Mapping):
            sets = {str(plan): tuple(sorted(set(v))) for plan, v in found.items() if v}
            return FeatureSets(sets, condition.otherwise)
        return FeatureSets({"default": tuple(sorted(set(_texts(found))))}, condition.otherwise)
    return FeatureSets({"default": tuple(sorted(set(_texts(condition))))})


def conditions(signal: Signal, config: CompanyConfig) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Resolve `where` of a fact signal to sorted (column, accepted values) pairs."""
    return tuple((column, _accepted(condition, config)) for column, condition in sorted(signal.where.items()))


def mask_name(resolved: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """Name of the boolean state column that holds these conditions; empty for none."""
    return "where:" + ";".join(f"{c}={'|'.join(v)}" for c, v in resolved) if resolved else ""


def _accepted(condition: Condition, config: CompanyConfig) -> tuple[str, ...]:
    value = lookup(config, condition.path) if isinstance(condition, FromConfig) else condition
    return tuple(sorted(_texts(value)))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return (str(value),)
