"""Fifty random accounts of a simulated company that nobody has seen, as a CS lead would read them.

    python -m benchmarks.reading_sheet --seed 83 --home /tmp/reading-83 --out reading-83.md

The company lives through weekly readings as the demo's does (trained once, on what the first day knew; people
work on their tasks between the readings), up to the last day. Then accounts are drawn from those that have a
score, and each is written down with what page, CRM task and Slack say about it, without names. Whether a lead
would agree with score, Why and next step is a question to a reader; this only prepares the sheet. A company
whose folder is there already is not lived through again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from customer_health.company import CompanyConfig
from customer_health.ledger import account_queries, scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.pipeline.past_readings import live_through
from customer_health.settings import Settings, load_settings
from customer_health.wording import day, moment, money, percent

WEEKS = 13  # of readings before the last, as the demo
PLACES = 125  # tasks a reading: five working days of the default
HEAVIEST = 4
SINCE = timedelta(days=92)  # tasks older than this are history
AT_WORK = timedelta(days=31)  # a message, a draft or a meeting that was asked for since then
UNSEEN = ("declined", "expired", "superseded", "folded")  # what nobody ever saw
SHOWN = ("create_task", "notify", "propose_meeting", "draft_email", "enroll", "create_opportunity")


def settings_of(home: Path, seed: int, accounts: int, places: int) -> Settings:
    """Return the settings of a simulated company in a folder of its own."""
    settings = load_settings(home=home)
    config: CompanyConfig = settings.config
    plays = config.playbooks.model_copy(update={"first_run_tasks": places})
    simulator = {"accounts": accounts, "seed": seed}
    changed = config.model_copy(update={"playbooks": plays, "simulator": simulator})
    return settings.model_copy(update={"config": changed})


def drawn(scored: Sequence[str], count: int, seed: int) -> list[str]:
    """Draw accounts without repetition, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return sorted(rng.choice(np.array(sorted(scored)), size=min(count, len(scored)), replace=False).tolist())


def sheet(engine: Engine, today: date, accounts: Sequence[str], title: str) -> Iterator[str]:
    """Yield the sheet in Markdown: the company first, then each account."""
    rows = scores.of(engine, today)
    run = scores.run_of(engine, today)
    yield f"# {title}"
    yield ""
    tiers = rows["tier"].value_counts()
    yield f"As of {day(today)}. Scored: " + ", ".join(f"{tier} {n:,}" for tier, n in tiers.items()) + "."
    if run is not None and run["note"]:
        yield ""
        yield str(run["note"])
    yield ""
    yield "Score 0 to 100, higher is healthier, whatever the date of the renewal. *Track record*: how often"
    yield "this company's customers had the fact before, and how many of them left at their next decision,"
    yield "beside comparable customers without it."
    by_account = rows.set_index("account_id", drop=False)
    effects: dict[str, list[Mapping[str, Any]]] = {}
    for effect in admin.find(engine):
        if effect["verb"] in SHOWN and effect["as_of"] > today - SINCE:
            effects.setdefault(str(effect["account_id"]), []).append(effect)
    for number, account in enumerate(accounts, 1):
        yield ""
        row = by_account.loc[account].to_dict()
        yield from _account(number, row, effects.get(account, []), engine, today)


def _account(
    number: int, row: Mapping[str, Any], effects: Sequence[Mapping[str, Any]], engine: Engine, today: date
) -> Iterator[str]:
    coin = row.get("currency")
    yield f"## {number}. {row['account_id']}: {int(row['score_shown'])}, {row['tier']}"
    yield ""
    yield f"**Why:** {row['why']}"
    if row.get("explanation"):
        yield ""
        yield f"{row['explanation']}"
    yield ""
    said = [
        f"ARR {money(row['arr'], coin)}",
        _renewal(row, today),
        f"segment {row.get('segment') or 'unknown'}",
    ]
    chances = [
        f"{percent(row[name], 1)} {words}"
        for name, words in (("p_decision", "at the next decision"), ("p90", "within 90 days"))
        if row.get(name) == row.get(name) and row.get(name) is not None
    ]
    said.append("likely to be lost: " + (", ".join(chances) or "no probability"))
    yield "- " + " · ".join(said)
    marks = [
        words
        for name, words in (("attention", "needs attention"), ("review", "facts to review"))
        if row.get(name) is True or str(row.get(name)) == "True"
    ]
    if marks:
        yield f"- Marked: {', '.join(marks)}"
    if change := row.get("change"):
        delta = int(change["delta"])
        moved = f"{delta:+d} {'point' if abs(delta) == 1 else 'points'}" if delta else "unchanged"
        yield f"- Since {day(str(change['since']))}: {moved}"
    yield "- What happened:" + ("" if row.get("facts") else " no headline facts")
    yield from (f"  - {_fact(fact)}" for fact in row.get("facts") or ())
    yield "- What the model weighs:"
    reasons = [one for one in row.get("reasons") or () if abs(float(one["points"])) >= 0.5]
    reasons.sort(key=lambda one: -abs(float(one["points"])))
    yield from (f"  - {float(one['points']):+.0f}: {one['phrase']}" for one in reasons[:HEAVIEST])
    lever = row.get("lever")
    if isinstance(lever, Mapping) and lever.get("text"):
        yield f"- What would help: {lever['text']}"
    status = {task["key"]: task for task in account_queries.tasks_of(engine, str(row["account_id"]))}
    now, before = [], []
    for effect in sorted(effects, key=lambda one: (one["as_of"], one["playbook"], one["step"])):
        task = status.get(effect["key"])
        if str(effect["state"]) in UNSEEN:
            continue
        over = task is not None and str(task.get("status")) == "completed"
        young = effect["verb"] == "enroll" or effect["as_of"] > today - AT_WORK  # a programme runs on
        at_work = not over if effect["verb"] == "create_task" else young
        (now if at_work else before).append((effect, task))
    yield "- At work:" + ("" if now else " nothing")
    yield from (f"  - {_step(effect, task, in_full=True)}" for effect, task in now)
    if before:
        yield "- Before, within a quarter:"
        yield from (f"  - {_step(effect, task, in_full=False)}" for effect, task in before)


def _renewal(row: Mapping[str, Any], today: date) -> str:
    found = row.get("renewal_date")
    if not isinstance(found, date):
        return "no renewal date"
    return f"renewal {day(found)} (in {(found - today).days} days)"


def _fact(fact: Mapping[str, Any]) -> str:
    mark = " **decisive**" if fact["decisive"] and fact["risk"] else ""
    record = f" Track record: {fact['record_words']}." if fact.get("record_words") else ""
    usual = f" Company-wide: {percent(fact['common'])} of customers have it." if fact.get("common") else ""
    return f"{fact['title']}{mark}: {str(fact['phrase']).rstrip('.')}.{record}{usual}"


def _step(effect: Mapping[str, Any], task: Mapping[str, Any] | None, *, in_full: bool) -> str:
    """One step as its owner sees it, without anybody's name."""
    payload, state = effect["payload"], str(effect["state"])
    about = str(payload.get("subject") or payload.get("play") or payload.get("kind") or "")
    about = about.partition(" – ")[2] or about
    words = [f"{day(effect['as_of'])}, {effect['playbook']}: {str(effect['verb']).replace('_', ' ')}"]
    if about and effect["verb"] not in ("draft_email", "propose_meeting"):  # their subjects name the customer
        words[0] += f" ({about})"
    if effect["verb"] == "create_task":
        owner = (payload.get("owner") or {}).get("why")
        words += [f"priority {payload.get('priority')}", f"owner: {owner}" if owner else ""]
        words.append(f"due {moment(payload['due_at'])}" if payload.get("due_at") else "")
        if task is not None and task.get("status"):
            words.append(str(task["status"]) + (f": {task['outcome']}" if task.get("outcome") else ""))
    if state != "delivered":
        words.append(state.replace("_", " "))
    steps = " / ".join(str(one) for one in payload.get("instructions") or ())
    return ", ".join(word for word in words if word) + (f". Steps: {steps}" if steps and in_full else "")


def main() -> None:
    """Live through a company and write its sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--today", type=date.fromisoformat, default=date(2026, 11, 29))
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument(
        "--draw", type=int, help="seed of the draw; default: the seed twice, with a 0 between"
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    settings = settings_of(asked.home, asked.seed, asked.accounts, asked.places)
    done = asked.home / "lived.done"
    if not done.exists():
        days = [asked.today - timedelta(weeks=back) for back in range(WEEKS, -1, -1)]
        live_through(settings, days=days, progress=lambda n, m, words: print(f"{n}/{m} {words}", flush=True))
        done.touch()
    engine = open_ledger(settings.ledger_url)
    rows = scores.of(engine, asked.today)
    scored = rows.loc[rows["state"] == "scored", "account_id"].astype(str).tolist()
    draw = asked.draw if asked.draw is not None else int(f"{asked.seed}0{asked.seed}")
    chosen = drawn(scored, asked.count, draw)
    title = f"{len(chosen)} of {len(scored):,} scored accounts, company {asked.seed}, drawn with {draw}"
    asked.out.write_text("\n".join(sheet(engine, asked.today, chosen, title)) + "\n", encoding="utf-8")
    print(f"{asked.out}: {title}")


if __name__ == "__main__":
    main()
