"""Every signal, by concept. To add one: a declaration in the module of its concept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from customer_health.errors import ConfigurationError, suggest
from customer_health.signals.catalogue import (
    billing_signals,
    commercial_signals,
    relationship_signals,
    sentiment_signals,
    support_signals,
    text_signals,
    usage_signals,
)
from customer_health.signals.signal import Signal


def _index(signals: Iterable[Signal]) -> Mapping[str, Signal]:
    index: dict[str, Signal] = {}
    for signal in signals:
        if signal.name in index:
            raise ConfigurationError(
                f"The signal '{signal.name}' is declared twice.", hint="Rename or remove one of the two."
            )
        index[signal.name] = signal
    return index


CATALOGUE: Mapping[str, Signal] = _index(
    signal
    for module in (
        usage_signals,
        support_signals,
        sentiment_signals,
        text_signals,
        relationship_signals,
        billing_signals,
        commercial_signals,
    )
    for signal in module.SIGNALS
)

REASON_CODES: frozenset[str] = frozenset(
    code
    for signal in CATALOGUE.values()
    for code in (signal.reason_code, signal.grave.reason_code if signal.grave else "")
    if code
)

PROFILES: tuple[str, ...] = tuple(sorted({name for signal in CATALOGUE.values() for name in signal.profiles}))


def select(profile: str) -> tuple[Signal, ...]:
    """Return the signals of a profile, in catalogue order.

    Raises:
        ConfigurationError: No signal belongs to such a profile.
    """
    if profile not in PROFILES:
        raise ConfigurationError(f"There is no signal profile '{profile}'.", hint=suggest(profile, PROFILES))
    return tuple(signal for signal in CATALOGUE.values() if profile in signal.profiles)


def named(names: Iterable[str]) -> tuple[Signal, ...]:
    """Return the signals called so, in the given order.

    Raises:
        ConfigurationError: One of them does not exist; the hint names close ones.
    """
    found = []
    for name in names:
        if name not in CATALOGUE:
            raise ConfigurationError(f"There is no signal '{name}'.", hint=suggest(name, CATALOGUE))
        found.append(CATALOGUE[name])
    return tuple(found)
