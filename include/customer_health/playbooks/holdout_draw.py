"""Who gets ordinary service only: drawn when an account first turns Red, before anybody can act.

A save rate alone counts accounts that would have come back anyway: a score that has just fallen tends to
rise again without help. Comparing with accounts that got no save play tells the difference.

The draw is stratified by segment and ARR band. The share is written as a fraction (0.4 is 2 of 5); inside a
stratum accounts are taken in blocks of its denominator, and in each block a hash of salt, stratum and block
number says which places are held out, spread evenly from the first. So every stratum has its share at any
time, nobody can choose, and anybody can draw it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from customer_health.ledger.episodes import Episode
from customer_health.playbook_config import HoldoutConfig
from customer_health.playbooks.account_view import AccountView

HELD_OUT, TREATED, NOT_ELIGIBLE = "held_out", "treated", "not_eligible"
LARGEST_BLOCK = 20  # accounts, unless the share is smaller than one of them
ARR_BANDS = (5_000.0, 20_000.0, 100_000.0)


@dataclass(frozen=True)
class Assignment:
    """The arm of one account, for good.

    Attributes:
        account_id: The account.
        episode_id: The episode with which it entered.
        stratum: Segment and ARR band, e.g. "smb / 5k-20k".
        arm: "held_out", "treated" or "not_eligible".
        why: How it came about, in words.
    """

    account_id: str
    episode_id: str
    stratum: str
    arm: str
    why: str


def assign(
    entrants: Iterable[tuple[AccountView, Episode]], drawn: Mapping[str, int], config: HoldoutConfig
) -> list[Assignment]:
    """Draw an arm for every account that turns Red for the first time.

    Args:
        entrants: Accounts with the episode that opens today; none of them has an arm yet.
        drawn: How many eligible accounts of each stratum were drawn on earlier days.
        config: Share, ceiling, exceptions and salt.
    """
    if config.share <= 0:
        return []
    counts, found = Counter(drawn), []
    fraction = Fraction(config.share).limit_denominator(max(LARGEST_BLOCK, round(1 / config.share)))
    size = fraction.denominator
    # The order of a day's entrants is a matter of hash too, not of who sorts first.
    for facts, episode in sorted(entrants, key=lambda pair: _hash(config.salt, pair[0].account_id)):
        group = stratum(facts)
        if why := _not_eligible(facts, episode, config):
            found.append(Assignment(facts.account_id, episode.episode_id, group, NOT_ELIGIBLE, why))
            continue
        block, place = divmod(counts[group], size)
        counts[group] += 1
        first = _hash(config.salt, group, str(block)) % size
        held = place in {(first + n * size // fraction.numerator) % size for n in range(fraction.numerator)}
        why = f"place {place + 1} of {size} in block {block + 1} of {group}"
        found.append(
            Assignment(facts.account_id, episode.episode_id, group, HELD_OUT if held else TREATED, why)
        )
    return found


def stratum(facts: AccountView) -> str:
    """Return the account's stratum: segment and ARR band."""
    arr = facts.number("arr")
    if arr is None:
        band = "unknown ARR"
    else:
        low = max([0.0, *(bound for bound in ARR_BANDS if bound <= arr)])
        high = min([bound for bound in ARR_BANDS if bound > arr], default=None)
        band = f"{low / 1000:g}k up" if high is None else f"{low / 1000:g}k-{high / 1000:g}k"
    return f"{facts.get('segment') or 'unknown'} / {band}"


def _not_eligible(facts: AccountView, episode: Episode, config: HoldoutConfig) -> str:
    if facts.account_id in config.never:
        return "on the list of those never held out"
    arr = facts.number("arr")
    if arr is None or arr > config.max_arr:
        return f"ARR {'unknown' if arr is None else facts.money(arr)}, above {facts.money(config.max_arr)}"
    if facts.too_small:
        return f"gets no people anyway: {facts.too_small}"
    if episode.inherited:
        return "was Red before we watched"
    if facts.cause == "model":
        return "a new model made it Red"
    return ""


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:8], "big")
