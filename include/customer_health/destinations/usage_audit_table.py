"""The usage audit as people see it: a table for task and thread, and a picture of seats and users."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customer_health.destinations.safe_text import clean
from customer_health.wording import day, percent

INK, ACCENT = "#334155", "#0f766e"
Audit = Mapping[str, Any]


def headline(audit: Audit) -> str:
    """Return the audit in one line: 41 of 100 seats in use (41 %), 30 % fewer than four weeks ago."""
    seats, users = audit["seats"], audit["active"]["30"]
    if users is None:
        return f"Seats in use: unknown ({audit['unknown'] or 'usage data is too old'})."
    share = audit["utilisation"]
    if not seats:
        said = f"{users} people use it; {'no seats are licensed' if seats == 0 else 'seats unknown'}"
    elif users > seats:
        said = f"{users} people use {seats:,.0f} seats: they share them, or joined and left"
    else:
        said = f"{users} of {seats:,.0f} seats in use ({percent(share)})"
    if (change := audit["change"]) is not None:
        words = "as many as" if round(change, 2) == 0 else f"{percent(abs(change))} {_more(change)} than"
        said += f", {words} the four weeks before"
    return f"{said}."


def rows(audit: Audit) -> list[tuple[str, str]]:
    """Return the table: label and value; what is unknown says so."""
    table = [("Licensed seats", _count(audit["seats"]))]
    table += [
        (f"Active, {days} days", _of_seats(users, audit["seats"])) for days, users in audit["active"].items()
    ]
    table.append(("Last 4 weeks", _trend(audit)))
    for row in audit.get("measures", ()):
        if (value := row["value"]) is not None:
            table.append((row["label"], percent(value) if row["unit"] == "share" else f"{value:,.0f}"))
    return table


def notes(audit: Audit) -> Iterator[str]:
    """Yield what the table cannot say: teams, dropped features, where knowledge ends."""
    if audit["unknown"]:
        yield f"Unknown: {audit['unknown']}."
    if audit["teams"]:
        known = percent(audit["team_known"])
        share = f"; the team of {known} of the users is known" if audit["team_known"] else ""
        yield f"By team, active in 30 of those in 90 days{share}:"
        for team in audit["teams"]:
            yield f"• {clean(team['team'], 60)}: {team['active_30']} of {team['active_90']}"
    elif audit["active"]["90"]:
        yield "By team: no team of these users is known."
    if audit["dropped"]:
        yield "Features that nobody has used for 30 days:"
        for row in audit["dropped"]:
            users = f", {row['users']} users within a year" if row["users"] else ""
            yield f"• {clean(row['feature'], 60)}: last on {day(row['last_used'])}{users}"
    elif audit["active"]["30"] is not None:
        yield "No feature was dropped in the last 30 days."
    if audit["data_through"]:
        yield f"As of {day(audit['as_of'])}; usage data reaches {day(audit['data_through'])}."


def markdown(audit: Audit) -> Iterator[str]:
    """Yield the lines of a task's section. The table's columns are padded: it reads well without Markdown."""
    table = rows(audit)
    left, right = (max(len(row[place]) for row in table) for place in (0, 1))
    yield f"| {'Seats and use':<{left}} | {'':>{right}} |"
    yield f"|{'-' * (left + 2)}|{'-' * (right + 1)}:|"
    yield from (f"| {label:<{left}} | {value:>{right}} |" for label, value in table)
    yield ""
    yield from (note.replace("•", "-", 1) for note in notes(audit))


def picture(audit: Audit) -> bytes:
    """Return a PNG: people who used it, week by week, under the line of licensed seats."""
    # Without pyplot: it keeps global state and looks for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.9), dpi=110)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.18)
    weeks: Sequence[Sequence[Any]] = audit["weeks"]
    places, users = list(range(len(weeks))), [int(count) for _, count in weeks]
    labels = [day(start).rsplit(" ", 1)[0] for start, _ in weeks]
    axes.bar(places, users, width=0.7, color=ACCENT)
    if seats := audit["seats"]:
        axes.axhline(float(seats), color=INK, linestyle="--", linewidth=1.2)
        axes.annotate(
            f"{seats:,.0f} seats",
            (1, float(seats)),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            color=INK,
            fontsize=8,
        )
    axes.set_xticks(places[::2], labels[::2])
    axes.set_ylim(0, 1.15 * max([*users, float(audit["seats"] or 0), 1.0]))
    axes.set_title(headline(audit), loc="left", fontsize=10)
    axes.set_ylabel("people who used it", fontsize=9)
    axes.set_xlabel("week that begins on", fontsize=9)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": None})  # equal audits give equal bytes
    return held.getvalue()


def _trend(audit: Audit) -> str:
    if (change := audit["change"]) is not None:
        return f"{change:+.0%}"
    earlier = [int(count) for _, count in audit["weeks"]][-8:-4]
    return "nobody before" if len(earlier) == 4 and not any(earlier) else "unknown"


def _more(change: float) -> str:
    return "fewer" if change < 0 else "more"


def _count(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _of_seats(users: int | None, seats: float | None) -> str:
    if users is None:
        return "unknown"
    return f"{users:,}" + (f" ({percent(users / seats)} of seats)" if seats else "")
