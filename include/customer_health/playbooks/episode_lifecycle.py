"""When an episode opens, and when it is over. Decided from the readings, so a re-run decides the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from customer_health.ledger.episodes import Episode, episode_id
from customer_health.playbooks.account_view import AccountView, level_of
from customer_health.scoring.tiers import scheme_named

RED = "Red"


def red_ceiling() -> int:
    """Return the highest score that is still Red, from the reporting scheme."""
    return next(tier.highest for tier in scheme_named("rag").tiers if tier.name == RED)


def advance(
    facts: AccountView, *, margin: int, now: datetime, red_since: Mapping[str, date], owner: str
) -> Episode | None:
    """Return the account's episode after today's reading, or None when it has none.

    An episode opens with the first Red reading. It closes once the band that episodes hang on is Red no
    longer, which takes two weeks clearly above Red (scoring/hysteresis.py). Where a reading has no such
    band, it takes two readings in a row above Red by more than `margin` points. A score that wavers around
    the boundary is one spell, not ten.

    Args:
        facts: The account; `facts.episode` is the episode in force, one that today closed included.
        margin: Points above the Red ceiling.
        now: When this is decided.
        red_since: First day of the unbroken Red run up to yesterday, by account.
        owner: Who owns the account.
    """
    score, before = facts.score, facts.previous
    episode = facts.episode
    if score is None:
        return episode
    if episode is None:
        if facts.level == 0:
            return None
        return Episode(
            episode_id=episode_id(facts.account_id, facts.as_of),
            account_id=facts.account_id,
            opened_as_of=facts.as_of,
            opened_at=now,
            opened_score=score,
            previous_score=None if before is None else before.score,
            inherited=before is None or before.level > 0,
            red_since=red_since.get(facts.account_id, facts.as_of),
            arr=facts.number("arr"),
            segment=facts.get("segment"),
            owner=owner,
            lowest_score=score,
            cause=facts.cause,
            red_model_id=facts.get("model_id"),
        )
    episode = replace(episode, lowest_score=min(episode.lowest_score, score))
    model = facts.get("model_id")
    if facts.level > 0:
        episode = replace(episode, red_model_id=model)
    safe = red_ceiling() + margin
    held = facts.get("held_band") or facts.get("band_shown")
    twice = score > safe and before is not None and before.score > safe
    proven = twice if held is None else level_of(None, str(held)) == 0
    if proven and facts.level == 0 and before is not None and before.as_of > episode.opened_as_of:
        same = episode.red_model_id is None or episode.red_model_id == model
        return replace(
            episode,
            recovered_as_of=before.as_of,
            closed_as_of=facts.as_of,
            outcome="recovered",
            recovery_cause="customer" if same else "model",
        )
    # Closed by an earlier run of this very day whose scores have been restated since: open again.
    return replace(episode, recovered_as_of=None, closed_as_of=None, outcome=None, recovery_cause=None)


def left(episode: Episode, as_of: date) -> Episode:
    """Close the episode of an account that is no longer a customer."""
    return replace(episode, closed_as_of=as_of, outcome="left")
