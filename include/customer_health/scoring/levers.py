"""What would turn this account Green: the smallest change of what people can change, checked by re-scoring.

Signals that a team can work on are moved, concept by concept, to where healthy accounts of the same
segment are. As few concepts as will do, in them as few topics (signals of one reason code, which move
together) as will do, as little of the way as will do; and the method that made the score says what the
score would be. It says nothing of how likely the change is, or of what the customer would then do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.scoring.phrases import figure, phrased
from customer_health.scoring.reachable import within_a_quarter
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.tiers import round_half_up, scheme_named, tier_of
from customer_health.signals.signal import Concept, Direction, Signal

Rescore = Callable[[pd.DataFrame], Floats]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Lever = dict[str, Any]

NOTHING = "No actionable lever found"
SILENT = "silent_account"
UNUSED = "Nothing else counts until somebody there uses the product"
MOST_CONCEPTS = 3
MOST_TOPICS = 4  # more than that is not a plan
TELLING = 3  # signals of a topic that are enough to name, where they are enough to move
STEPS = (0.25, 0.5, 0.75, 1.0)  # of the way to a healthy account's value
MIN_PEERS = 20  # healthy accounts that make a segment's median
_BATCH = 50_000  # rows scored at once


@dataclass(frozen=True)
class _Question:
    """Accounts that need a lever, what could be moved, and how far.

    Attributes:
        rest: Panel rows of the accounts, without these signals.
        signals: Movable signals, in order.
        now: Their values, accounts x signals; NaN is unknown and stays so.
        goal: Values of healthy peers, never worse than `now`.
        whole: Which signals count whole things.
        currency: Of every amount; empty if nothing names it.
    """

    rest: pd.DataFrame
    signals: tuple[Signal, ...]
    now: Floats
    goal: Floats
    whole: Bools
    currency: str = ""

    @property
    def topics(self) -> Places:
        """Number of each signal's topic: its reason code, or itself if it has none."""
        names = [signal.reason_code or signal.name for signal in self.signals]
        return np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1]

    def moved(self, accounts: Places, mask: Bools, share: float = 1.0) -> Floats:
        """Values after the masked signals went so much of the way; whole things are rounded onwards."""
        now, goal = self.now[accounts], self.goal[accounts]
        target = now + share * (goal - now)
        onwards = np.where(goal > now, np.ceil(target - 1e-9), np.floor(target + 1e-9))
        return np.where(mask, np.where(self.whole, onwards, target), now)

    def score(self, rescore: Rescore, accounts: Places, values: Floats) -> npt.NDArray[np.int64]:
        """Whole scores of these accounts with these values; an account may be asked for many times."""
        found = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(accounts), _BATCH):
            some = slice(start, start + _BATCH)
            rows = self.rest.iloc[accounts[some]].reset_index(drop=True)
            table = pd.DataFrame(values[some], columns=[signal.name for signal in self.signals])
            found.append(round_half_up(rescore(pd.concat([rows, table], axis=1))))
        return np.concatenate(found)


def levers(
    rows: pd.DataFrame,
    shown: npt.NDArray[np.int64],
    rescore: Rescore,
    catalogue: Mapping[str, Signal],
    *,
    currency: str = "",
    held: Sequence[Mapping[str, Any] | None] = (),
) -> list[Lever | None]:
    """Find a lever for every account that is Red or At Risk.

    Args:
        rows: Panel rows of every scored account; the healthy ones among them set the goals.
        shown: Their whole scores.
        rescore: Panel rows to scores, by what made today's scores; smoothing is left out, so the
            answer is what the score would settle at.
        catalogue: Signals by name; `actionable` says which may be moved.
        currency: Of every amount; empty if nothing names it.
        held: Per row the headline fact that holds its score down, or None: then no signal is a lever.

    Returns:
        None for accounts that need no lever. Otherwise `target` (the band it reaches: Green, else the
        next better one, else None), `score` (whole), `concepts`, `changes` (`signal`, `concept`,
        `from`, `to`, `phrase`) and `text`.
    """
    bands = {tier.name: tier for tier in scheme_named("rag").tiers}
    ceiling = {tier.name: tier.highest for tier in scheme_named("four_tier").tiers}["At Risk"]
    needy = np.flatnonzero(shown <= max(ceiling, bands["Red"].highest))
    found: list[Lever | None] = [None] * len(rows)
    if not needy.size:
        return found
    green, yellow = bands["Green"].lowest, bands["Yellow"].lowest
    question = replace(_question(rows, needy, shown >= green, catalogue), currency=currency)
    everybody = np.arange(len(needy))
    answers = _search(question, everybody, rescore, green, "Green")
    stuck = np.array([i for i in everybody if answers[i] is None and shown[needy[i]] < yellow], dtype=np.intp)
    for place, answer in zip(stuck, _search(question, stuck, rescore, yellow, "Yellow"), strict=True):
        answers[place] = answer
    for place, answer in zip(needy.tolist(), answers, strict=True):
        fact = held[place] if held else None
        nothing: Lever = {"target": None, "score": None, "concepts": [], "changes": [], "text": _idle(fact)}
        found[place] = nothing if fact else answer or nothing
    return found


def _idle(fact: Mapping[str, Any] | None) -> str:
    if fact is None:
        return NOTHING
    if fact["code"] == SILENT:
        return UNUSED
    return f"Nothing else counts while this stands: {str(fact['title']).lower()}"


def _question(
    rows: pd.DataFrame, needy: Places, healthy: Bools, catalogue: Mapping[str, Signal]
) -> _Question:
    signals = tuple(
        signal
        for name, signal in catalogue.items()
        if name in rows and signal.actionable and signal.concept is not Concept.CALENDAR
        if signal.direction is not Direction.NEUTRAL
    )
    names = [signal.name for signal in signals]
    everybody = rows[names].astype(float)
    values = everybody.to_numpy()
    whole = np.array([bool(np.all(np.isnan(c) | (c == np.floor(c)))) for c in values.T], dtype=bool)
    peers = everybody[healthy]
    segments = rows["segment"].astype(object).where(rows["segment"].notna(), "")
    goal = np.tile(peers.median().to_numpy(dtype=float), (len(needy), 1))
    for segment, members in peers.groupby(segments[healthy], sort=True):
        if len(members) >= MIN_PEERS:
            own = (segments.iloc[needy] == segment).to_numpy()
            known = members.median().to_numpy(dtype=float)
            goal[own] = np.where(np.isnan(known), goal[own], known)
    now = values[needy]
    less = np.array([signal.direction is Direction.LOWER_IS_HEALTHIER for signal in signals], dtype=bool)
    goal = np.where(whole, np.where(less, np.floor(goal), np.ceil(goal)), goal)
    better = np.where(less, np.fmin(now, goal), np.fmax(now, goal))
    better = np.where(np.isnan(now) | np.isnan(better), now, within_a_quarter(signals, now, better))
    return _Question(rows.iloc[needy].drop(columns=names), signals, now, better, whole)


def _search(
    question: _Question, accounts: Places, rescore: Rescore, target: int, band: str
) -> list[Lever | None]:
    """Answer per account; None where even three concepts do not reach the target."""
    mask = np.zeros((len(accounts), len(question.signals)), dtype=bool)
    # Those for whom nothing need change are held down by smoothing only.
    solved = question.score(rescore, accounts, question.now[accounts]) >= target
    idle = solved.copy()
    movable = (question.goal != question.now)[accounts] & ~np.isnan(question.now[accounts])
    concepts = np.array([str(signal.concept) for signal in question.signals])
    present = [c for c in dict.fromkeys(concepts.tolist()) if movable[:, concepts == c].any()]
    for size in range(1, min(MOST_CONCEPTS, len(present)) + 1):
        left = np.flatnonzero(~solved)
        if not left.size:
            break
        groups = list(combinations(present, size))
        variants = np.stack([movable[left] & np.isin(concepts, group) for group in groups])
        values = [question.moved(accounts[left], variant) for variant in variants]
        asked = np.tile(accounts[left], len(groups))
        reached = question.score(rescore, asked, np.concatenate(values)).reshape(len(groups), -1)
        best = reached.argmax(axis=0)
        mask[left] = variants[best, np.arange(left.size)]
        solved[left] = reached.max(axis=0) >= target
    open_ = np.flatnonzero(solved & ~idle)
    mask[open_] = _fewest(question, accounts[open_], mask[open_], rescore, target)
    solved[open_] = mask[open_].any(axis=1)
    mask[~solved | idle] = False

    ways = np.stack([question.moved(accounts, mask, step) for step in STEPS])
    reached = question.score(rescore, np.tile(accounts, len(STEPS)), np.concatenate(ways))
    reached = reached.reshape(len(STEPS), -1)
    shortest = (reached >= target).argmax(axis=0)  # the shortest way that still gets there
    return [
        _lever(question, account, mask[i], ways[shortest[i], i], int(reached[shortest[i], i]), band)
        if solved[i]
        else None
        for i, account in enumerate(accounts)
    ]


def _fewest(question: _Question, accounts: Places, mask: Bools, rescore: Rescore, target: int) -> Bools:
    """Drop topics that are not needed: the strongest alone, then the two strongest, and so on.

    Support sentiment does not rise without recent support sentiment: a topic moves as one. Rows come back
    empty where more than `MOST_TOPICS` would be needed.
    """
    topic = question.topics
    many = int(topic.max(initial=-1)) + 1
    if not many:
        return mask
    touched = np.stack([mask[:, topic == t].any(axis=1) for t in range(many)], axis=1)
    rows, topics = np.nonzero(touched)
    gain = np.full(touched.shape, -1)
    moves = mask[rows] & (topic[np.newaxis, :] == topics[:, np.newaxis])
    gain[rows, topics] = question.score(rescore, accounts[rows], question.moved(accounts[rows], moves))
    order = np.argsort(-gain, axis=1, kind="stable")
    kept = np.zeros(mask.shape, dtype=bool)
    reached = np.zeros(len(mask), dtype=bool)
    for place in range(min(MOST_TOPICS, many)):
        left = np.flatnonzero(~reached)
        next_best = order[left, place]
        kept[left] |= mask[left] & (topic[np.newaxis, :] == next_best[:, np.newaxis])
        values = question.moved(accounts[left], kept[left])
        reached[left] = question.score(rescore, accounts[left], values) >= target
    kept[~reached] = False
    return _lean(question, accounts, kept, rescore, target)


def _lean(question: _Question, accounts: Places, mask: Bools, rescore: Rescore, target: int) -> Bools:
    """Of each topic only the `TELLING` signals that weigh most, where they do it alone."""
    rows, columns = np.nonzero(mask)
    alone = np.zeros((rows.size, mask.shape[1]), dtype=bool)
    alone[np.arange(rows.size), columns] = True
    gain = np.full(mask.shape, -1)
    gain[rows, columns] = question.score(rescore, accounts[rows], question.moved(accounts[rows], alone))
    lean = np.zeros(mask.shape, dtype=bool)
    for topic in range(int(question.topics.max(initial=-1)) + 1):
        mine = np.flatnonzero(question.topics == topic)
        best = mine[np.argsort(-gain[:, mine], axis=1, kind="stable")[:, :TELLING]]
        np.put_along_axis(lean, best, np.take_along_axis(mask, best, axis=1), axis=1)
    enough = question.score(rescore, accounts, question.moved(accounts, lean)) >= target
    return np.where(enough[:, np.newaxis], lean, mask)


def _from_to(question: _Question, signal: Signal, now: float, then: float) -> str:
    said, figured = phrased(signal, float(then), question.currency), figure(signal, float(now))
    return f"{said} (now {figured})" if figured else said


def _reads_differently(question: _Question, account: np.intp, column: int, final: Floats) -> bool:
    """Whether the change shows in the rounded figure: "+0.00 (now +0.00)" tells nobody anything."""
    signal = question.signals[column]
    now = figure(signal, float(question.now[account, column]))
    return now is None or now != figure(signal, float(final[column]))


def _told(question: _Question, account: np.intp, mask: Bools, final: Floats) -> list[str]:
    """One phrase per topic, about its first signal that reads differently afterwards: from where to where."""
    parts = []
    for topic in dict.fromkeys(question.topics[mask].tolist()):
        mine = np.flatnonzero(mask & (question.topics == topic)).tolist()
        first = next((one for one in mine if _reads_differently(question, account, one, final)), mine[0])
        signal, rest = question.signals[first], mine[1:]
        now = figure(signal, float(question.now[account, first]))
        more = f"together with {len(rest)} related signal{'s' if len(rest) > 1 else ''}" if rest else ""
        aside = "; ".join(filter(None, (f"now {now}" if now else "", more)))
        said = phrased(signal, float(final[first]), question.currency)
        if now is None and final[first] == 0:  # the phrase tells of trouble, and has no number to change
            said = f'an end to "{said}"'
        parts.append(f"{said} ({aside})" if aside else said)
    return parts


def _lever(question: _Question, account: np.intp, mask: Bools, final: Floats, score: int, band: str) -> Lever:
    changes = [
        {
            "signal": signal.name,
            "concept": str(signal.concept),
            "from": float(question.now[account, column]),
            "to": float(final[column]),
            "phrase": _from_to(question, signal, question.now[account, column], final[column]),
        }
        for column, signal in enumerate(question.signals)
        if mask[column]
    ]
    would = f"the score would be {score} ({tier_of(score, 'four_tier')})"
    parts = _told(question, account, mask, final)
    said = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    text = f"With {said}, {would}" if parts else f"If today's signals last, {would}"
    return {
        "target": band,
        "score": score,
        "concepts": list(dict.fromkeys(change["concept"] for change in changes)),
        "changes": changes,
        "text": text,
    }
