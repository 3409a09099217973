"""Support as the help desk records it: tickets, the words in them, and what customers answer to surveys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.account_state import Array
from customer_health.simulator.behaviour import sigmoid
from customer_health.simulator.contacts import ordinary_contact
from customer_health.simulator.observation import (
    Columns,
    Facts,
    Times,
    by_week,
    moments,
    names,
    office_hours,
    present,
)
from customer_health.simulator.randomness import stream
from customer_health.simulator.ticket_texts import agent_texts, asked, customer_texts, survey_texts
from customer_health.simulator.world import World
from customer_health.warehouse.tables import SURVEYS, TICKET_MESSAGES, TICKETS

_HOUR = 3_600.0
_SURVEY_WEEKS = 13
_BACKLOG = 3.6  # log of how much longer first answers take: four hours become six days


def _ticket_week(world: World, week: int) -> Columns:
    rng = stream(world.seed, "tickets", week)
    n = len(world)
    trouble = np.minimum(world.history["incidents"][week + 1], 3)
    health, mood = world.history["health"][week + 1], world.history["sentiment"][week + 1]
    seats = world.history["seats"][week]
    engaged = 0.5 + 0.5 * np.minimum(np.exp(0.3 * health), 2.0)
    rate = 0.06 * seats**0.4 * engaged + 0.9 * trouble
    rate = rate * np.where(world.history["silent"][week + 1] > 0, 0.03, 1.0)
    count = rng.poisson(rate)
    who = np.repeat(np.arange(n), count)
    size = len(who)
    day, seconds = rng.choice(7, size, p=[0.19, 0.19, 0.19, 0.18, 0.17, 0.04, 0.04]), office_hours(rng, size)
    bad = trouble[who]
    critical = rng.random(size) < sigmoid(-3.6 + 1.2 * bad)
    other = np.digitize(rng.random(size), [0.28, 0.80])
    feeling = sigmoid(mood[who] + 0.9 * rng.standard_normal(size))
    waits = _BACKLOG * world.history["backlog"][week + 1][who]
    answer = np.exp(rng.normal(np.log(4.0) + 0.55 * bad - 0.7 * critical + waits, 1.1)) * _HOUR
    solve = answer + np.exp(rng.normal(np.log(40.0) + 0.45 * bad, 0.9)) * _HOUR
    toxic = sigmoid(5 * (-mood[who] - 1.3))
    escalates = rng.random(size) < 0.015 + 0.06 * bad + 0.10 * toxic
    escalation = np.minimum(rng.uniform(1, 72, size) * _HOUR, solve * rng.uniform(0.3, 0.95, size))
    fate, closed = (
        rng.random(size),
        rng.uniform(21, 45, size) * 24 * _HOUR,
    )  # nobody answers: closed by a rule
    first, stop = present(world, week)
    here = (day >= first[who]) & (day < stop[who])
    turn = np.arange(size) - np.repeat(np.cumsum(count) - count, count)
    columns = {
        "account": who,
        "turn": turn,
        "day": day,
        "seconds": seconds,
        "priority": np.where(critical, 3, other),
        "sentiment": feeling,
        "answer": np.where(fate < 0.02, np.nan, answer),
        "solve": np.where(fate < 0.003, np.nan, np.where(fate < 0.02, closed, solve)),
        "escalation": np.where(escalates, escalation, np.nan),
        "person": rng.random(size),
        "words": rng.random((size, 4)),
    }
    return {name: values[here] for name, values in columns.items()}


def _after(opened: Times, seconds: NDArray[np.float64]) -> Times:
    known = ~np.isnan(seconds)
    delta = np.where(known, seconds, 0).astype("timedelta64[s]")
    return np.where(known, opened + delta, np.datetime64("NaT"))


def tickets_and_messages(world: World, *, with_sentiment: bool = True) -> tuple[Facts, Facts]:
    """Return the tickets, and what was written in them.

    Args:
        world: The company.
        with_sentiment: Whether the help desk brings its own sentiment; else there are only the words.
    """
    t = by_week(world, _ticket_week)
    opened = moments(world, t["week"], t["day"], t["seconds"])
    ids = np.array(
        [f"tk_{a:05d}_{w:04d}_{k}" for a, w, k in zip(t["account"], t["week"], t["turn"], strict=True)],
        dtype=object,
    )
    account_id = names(world.account_ids, t["account"])
    answered = _after(opened, t["answer"])
    rows = pd.DataFrame(
        {
            "ticket_id": ids,
            "account_id": account_id,
            "contact_id": ordinary_contact(world, t["account"], t["person"]),
            "priority": names(("low", "normal", "high", "critical"), t["priority"]),
            "first_response_at": answered,
            "resolved_at": _after(opened, t["solve"]),
            "escalated_at": _after(opened, t["escalation"]),
            "occurred_at": opened,
            "known_at": opened,
        }
    )
    said = customer_texts(t["sentiment"], t["words"][:, 0], t["words"][:, 1])
    said = said + asked(_states(world, t["account"], t["week"]), t["words"][:, 2])
    again = (t["words"][:, 2] < 0.5) & ~np.isnat(answered)
    later = np.where(np.isnat(answered), opened, answered) + (
        (1 + 30 * t["words"][:, 3]) * _HOUR
    ).astype("timedelta64[s]")  # fmt: skip
    followed = customer_texts(t["sentiment"], t["words"][:, 3], t["words"][:, 2])
    spoken = ~np.isnat(answered)
    everything = np.ones(len(ids), dtype=np.bool_)

    def messages(
        suffix: str,
        mask: NDArray[np.bool_],
        when: Times,
        text: NDArray[np.object_],
        author: str,
    ) -> pd.DataFrame:
        brought = with_sentiment and author == "customer"
        mood = np.round(t["sentiment"], 3) if brought else np.full(len(ids), np.nan)
        return pd.DataFrame(
            {
                "message_id": [f"{ticket}_{suffix}" for ticket in ids[mask]],
                "ticket_id": ids[mask],
                "account_id": account_id[mask],
                "author": author,
                "text": text[mask],
                "sentiment": mood[mask],
                "occurred_at": when[mask],
                "known_at": when[mask],
            }
        )

    thread = pd.concat(
        [
            messages("a", everything, opened, said, "customer"),
            messages("b", spoken, answered, agent_texts(t["words"][:, 1]), "agent"),
            messages("c", again, later, followed, "customer"),
        ],
        ignore_index=True,
    )
    thread = thread.sort_values(["occurred_at", "message_id"], ignore_index=True)
    return Facts(TICKETS, rows.sort_values(["occurred_at", "ticket_id"], ignore_index=True)), Facts(
        TICKET_MESSAGES, thread
    )


def _states(world: World, account: NDArray[Any], week: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """What the writers have in mind: they leave within ten weeks, look around, or save money."""
    return {
        "leaving": (world.last_week[account] - week <= 10) & (world.last_week[account] < world.weeks),
        "looks_around": world.history["competitor"][week + 1, account] > 0,
        "saves_money": world.history["budget"][week + 1, account] > 0,
    }


def _nps(health: Array, mood: Array, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(np.rint(7.3 + 1.6 * mood + 0.5 * health + 1.4 * noise), 0, 10)


def _survey_week(world: World, week: int) -> Columns:
    rng = stream(world.seed, "surveys", week)
    n = len(world)
    health, mood = world.history["health"][week + 1], world.history["sentiment"][week + 1]
    noise, chance = rng.standard_normal((2, n)), rng.random((3, n))
    day, seconds = rng.integers(0, 5, n), office_hours(rng, n)
    asked = (np.arange(n) * 7 + week) % _SURVEY_WEEKS == 0
    nps = asked & (chance[0] < sigmoid(-0.6 + 0.5 * health))
    wrote = np.zeros(n, dtype=np.bool_)
    wrote[_ticket_week(world, week)["account"]] = True
    csat = wrote & (chance[1] < 0.35)
    first, stop = present(world, week)
    here = (day >= first) & (day < stop)
    who = np.concatenate([np.nonzero(nps & here)[0], np.nonzero(csat & here)[0]])
    kind = np.repeat([0, 1], [(nps & here).sum(), (csat & here).sum()])
    rating = 1 + np.rint(4 * sigmoid(0.6 + mood + 0.9 * noise[1]))
    score = np.where(kind == 0, _nps(health, mood, noise[0])[who], rating[who])
    return {"account": who, "kind": kind, "score": score, "person": chance[2][who],
            "day": day[who], "seconds": seconds[who],
            "words": stream(world.seed, "survey_words", week).random((len(who), 2))}  # fmt: skip


def surveys(world: World) -> Facts:
    """Return NPS answers (asked each quarter; who is content answers more often) and CSAT ratings.

    Six of ten who answer write a comment; nobody scores it here.
    """
    s = by_week(world, _survey_week)
    when = moments(world, s["week"], s["day"], s["seconds"])
    kind = names(("nps", "csat"), s["kind"])
    rows = pd.DataFrame(
        {
            "survey_id": [
                f"sv_{a:05d}_{w:04d}_{k}" for a, w, k in zip(s["account"], s["week"], kind, strict=True)
            ],
            "account_id": names(world.account_ids, s["account"]),
            "contact_id": ordinary_contact(world, s["account"], s["person"]),
            "kind": kind,
            "score": s["score"],
            "text": survey_texts(
                np.where(s["kind"] == 0, s["score"] / 10, (s["score"] - 1) / 4),
                s["words"][:, 0],
                s["words"][:, 1] < 0.4,
            ),
            "sentiment": np.nan,
            "occurred_at": when,
            "known_at": when,
        }
    )
    return Facts(SURVEYS, rows.sort_values(["occurred_at", "survey_id"], ignore_index=True))
