"""What the last run means, in one screen: read from the ledger, printed at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from io import StringIO
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from customer_health import storage
from customer_health.ledger import decisions, delivery_log, outbox_queries, training_runs
from customer_health.ledger import model_registry as registry
from customer_health.ledger import scores as ledger_scores
from customer_health.ledger.engine import open_ledger
from customer_health.model.evaluation.tier_spread import OPENING
from customer_health.scoring.tiers import scheme_named
from customer_health.scoring.track_words import company_wide, company_wide_words
from customer_health.settings import Settings
from customer_health.signals.headline_facts import FACTS
from customer_health.wording import money, percent, total

if TYPE_CHECKING:
    from sqlalchemy import Engine

WORTH_A_CALL = 5
WIDTH = 112
EXAMPLES = {"critical_save": 0, "red_save": 1, "at_risk": 2, "portfolio_baseline": 9}


def demo_summary(settings: Settings, *, as_of: date, colour: bool = False) -> str:
    """Return the screen that closes a demo: tiers, calls to make, the model's word, what was done.

    Args:
        settings: Where the ledger and the previews are.
        as_of: The day to sum up.
        colour: With ANSI colours, for a terminal.
    """
    console = Console(file=StringIO(), width=WIDTH, force_terminal=colour, highlight=False, emoji=False)
    ledger = open_ledger(settings.ledger_url)
    today = _as_shown(ledger_scores.of(ledger, as_of))
    console.rule(f"[bold]Customer health as of {as_of}")
    if today.empty:
        console.print(f"Nothing was scored as of {as_of}. Run the chain for that day first.")
        return _text(console)
    before = _as_shown(ledger_scores.previous(ledger, as_of))
    _tiers(console, settings, today, before, _fair_from(ledger))
    _crowding(console, ledger, as_of)
    _calls(console, settings, today, before, as_of)
    _headlines(console, settings, today)
    _beside_the_score(console, today)
    _model(console, ledger, as_of)
    _actions(console, settings, ledger, as_of)
    _where(console, settings)
    return _text(console)


def _as_shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each row the tier that people see everywhere else: see ledger/scores.as_shown."""
    return rows.assign(tier=rows["tier_shown"].fillna(rows["tier"])) if len(rows) else rows


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _arrow(change: float, text: str) -> str:
    if abs(change) < 1:
        return "►"
    return f"{'▲' if change > 0 else '▼'} {text}"


def _fair_from(ledger: Engine) -> date | None:
    with ledger.connect() as connection:
        return ledger_scores.comparable_from(connection)


def _tiers(
    console: Console,
    settings: Settings,
    today: pd.DataFrame,
    before: pd.DataFrame,
    fair_from: date | None,
) -> None:
    table = Table(title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name, justify in (
        ("Tier", "left"),
        ("Accounts", "right"),
        ("", "left"),
        ("ARR", "right"),
        ("", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    compared = before["as_of"].max() if len(before) else None
    coin = ledger_scores.currency_of(today)
    if compared is None:
        since = "first reading: no arrows yet"
    elif fair_from is not None and compared < fair_from:
        since = f"no arrows yet: scores mean what they mean since {fair_from}"
        before = before.iloc[:0]
    else:
        since = f"since {compared}"
    for tier in scheme_named(settings.config.score.scheme).names:
        here, there = today[today["tier"] == tier], before[before["tier"] == tier]
        arr, earlier = here["arr"].sum(), there["arr"].sum()
        moved = ("", "")
        if len(before):
            moved = (
                _arrow(len(here) - len(there), f"{abs(len(here) - len(there)):,}"),
                _arrow(arr - earlier, money(abs(arr - earlier), coin)),
            )
        table.add_row(tier, f"{len(here):,}", moved[0], total(here["arr"], coin), moved[1])
    rest = today[today["tier"].isna()]
    for state, rows in rest.groupby("state"):
        table.add_row(
            f"[dim]{str(state).replace('_', ' ')}", f"{len(rows):,}", "", total(rows["arr"], coin), ""
        )
    console.print(f"\n[bold]Accounts and ARR per tier[/bold] [dim]({since})[/dim]")
    console.print(table)


def _crowding(console: Console, ledger: Engine, as_of: date) -> None:
    """State that the tiers tell nobody apart, where scoring found so."""
    run = ledger_scores.run_of(ledger, as_of)
    note = str(run["note"] or "") if run is not None else ""
    if OPENING in note:
        console.print(f"\n[bold]{_escape(note[note.index(OPENING) :])}[/bold]")


def worth_a_call(today: pd.DataFrame, healthy: str, count: int = WORTH_A_CALL) -> pd.DataFrame:
    """Return the accounts to call first: by expected ARR loss; by rules, lowest score, then ARR.

    Those that need attention; days published before that was told leave out the healthy instead, however
    large they are: one per cent of a large contract is money, but no reason to call today.
    """
    scored = today[today["state"] == "scored"]
    told = scored["attention"].notna() if "attention" in scored else pd.Series(False, scored.index)
    called = scored["attention"].fillna(False).astype(bool) if told.any() else scored["tier"] != healthy
    scored = scored[called]
    if scored["expected_loss"].notna().any():
        return scored.sort_values(["expected_loss", "account_id"], ascending=[False, True]).head(count)
    ordered = scored.sort_values(["score_shown", "arr", "account_id"], ascending=[True, False, True])
    return ordered.head(count)


def _calls(
    console: Console, settings: Settings, today: pd.DataFrame, before: pd.DataFrame, as_of: date
) -> None:
    earlier = before.set_index("account_id")["score_shown"].to_dict() if len(before) else {}
    console.print(f"\n[bold]The {WORTH_A_CALL} accounts most worth a call[/bold]")
    healthy = scheme_named(settings.config.score.scheme).best
    chosen = worth_a_call(today, healthy)
    if chosen.empty:
        console.print(f" None: every scored account is {healthy}.")
    for place, row in enumerate(chosen.to_dict("records"), start=1):
        was = earlier.get(row["account_id"])
        delta = int(row["score_shown"]) - int(was) if was is not None and pd.notna(was) else None
        move = "" if delta is None else (f" ({'▲' if delta > 0 else '▼'}{abs(delta)})" if delta else " (►)")
        renewal = row.get("renewal_date")
        when = (
            f"renews {renewal} ({(renewal - as_of).days} d)"
            if isinstance(renewal, date)
            else "no renewal date"
        )
        loss = row.get("expected_loss")
        coin = row.get("currency")
        at_stake = f" · {money(loss, coin)} at risk" if loss is not None and pd.notna(loss) else ""
        name = _escape(str(row.get("name") or row["account_id"]))
        console.print(
            f" {place}. [bold]{name}[/bold] · {row['tier']} · {int(row['score_shown'])}{move}"
            f" · ARR {money(row['arr'], coin)}{at_stake} · {when}"
        )
        console.print(
            f"    [italic]{_escape(str(row['why']))}[/italic] · {row.get('owner_email') or 'no owner'}"
        )
        if happened := [str(fact["short"]) for fact in row.get("facts") or []]:
            console.print(f"    [dim]What happened:[/dim] {_escape('; '.join(happened))}")


def _beside_the_score(console: Console, today: pd.DataFrame) -> None:
    """Say where facts pile up although no score asks for anybody, and how the new customers do."""
    if "review" in today and (piled := today[today["review"].fillna(False).astype(bool)]).shape[0]:
        arr = total(piled["arr"], ledger_scores.currency_of(piled))
        console.print(
            f"\n[bold]{len(piled):,} accounts to review[/bold], {arr} ARR: no score asks for them, but facts "
            "pile up (on the page: Facts to review)"
        )
    new = today[today["state"] == "onboarding"]
    if len(new):
        compared = new["lifecycle_score"].notna()
        late = [bool((told or {}).get("at_risk")) for told in new["lifecycle"]]
        console.print(
            f"[bold]{len(new):,} new customers in their onboarding[/bold]: {int(compared.sum()):,} have a "
            f"lifecycle score (50: as customers that stayed at that age), {sum(late):,} of them at risk"
        )


def _headlines(console: Console, settings: Settings, today: pd.DataFrame) -> None:
    """Print how many accounts each headline fact holds for, and how many of them count as healthy."""
    best = scheme_named(settings.config.score.scheme).best
    held = [
        (fact["code"], tier == best, str(fact.get("record_words") or ""))
        for facts, tier in zip(today["facts"], today["tier"], strict=True)
        for fact in facts or []
    ]
    if not held:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 1))
    words = ("Headline fact", "what it has cost here")
    for name in ("Headline fact", "accounts", f"of them {best}", "what it has cost here"):
        table.add_column(name, justify="left" if name in words else "right")
    for fact in FACTS:
        those = [(healthy, record) for code, healthy, record in held if code == fact.code]
        if those:
            well = sum(healthy for healthy, _ in those)
            table.add_row(fact.title, f"{len(those):,}", f"{well:,}", those[0][1])
    console.print("\n[bold]What happened, whatever the score says[/bold]")
    console.print(table)
    if usual := company_wide_words(company_wide(today["facts"].tolist())):
        console.print(f" [bold]{_escape(usual)}[/bold]")


def _model(console: Console, ledger: Engine, as_of: date) -> None:
    console.print("\n[bold]Can the score be believed?[/bold]")
    record = registry.current(ledger, as_of=as_of)
    bad = training_runs.bad_months(ledger, as_of=as_of)
    if len(bad) > 1:
        console.print(f" [bold]No training went well for {len(bad)} months in a row[/bold]; the last one:")
    if bad:
        console.print(f" {bad[0].as_of}: {bad[0].outcome}: {_escape(bad[0].reason)}")
    if record is None:
        console.print(" No model was trained as of this day; the rule score is used.")
        return
    console.print(f" {_escape(record.why)}")
    horizons: Mapping[str, Mapping[str, Any]] = record.summary.get("horizons", {})
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 1))
    columns = (
        "Walk-forward",
        "folds",
        "churners",
        "AUC",
        "renewal date + NPS",
        "rule score",
        "recall at capacity",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "Walk-forward" else "right")
    for horizon, found in horizons.items():
        if found.get("auc") is None:
            console.print(f" {horizon} days: {_escape(str(found.get('why', 'not measured')))}.")
            continue
        table.add_row(
            f"{horizon} days: {found.get('champion') or found.get('candidate')}",
            *(f"{found.get(name, 0):,}" for name in ("folds", "churners")),
            *(_three(found.get(name)) for name in ("auc", "auc_baseline", "auc_rules")),
            percent(found["recall"]) if found.get("recall") is not None else "",
        )
    if table.row_count:
        console.print(table)


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _actions(console: Console, settings: Settings, ledger: Engine, as_of: date) -> None:
    rows = outbox_queries.counts_of_day(ledger, as_of)
    outcomes = decisions.outcomes_of(ledger, as_of)
    console.print("\n[bold]What was done[/bold]")
    if not rows:
        console.print(" Nothing was promised for this day.")
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 1))
    for name in ("Playbook", "action", "state", "count"):
        table.add_column(name, justify="right" if name == "count" else "left")
    for playbook, verb, state, n in rows:
        table.add_row(playbook, str(verb).replace("_", " "), state, f"{n:,}")
    if rows:
        console.print(table)
    if twice := delivery_log.known_twice(ledger):
        console.print(f" [bold]At their destination twice: {twice:,}[/bold]; see page Health, Actions.")
    quiet = {name: n for name, n in sorted(outcomes.items()) if name not in ("fired", "no_match")}
    if quiet:
        console.print(" Held back, with the reason in the decision log: " + _listed(quiet))
    for title, text in _examples(settings, as_of):
        console.print(f"\n[dim]── {title} ──[/dim]")
        console.print(_escape(text.rstrip()))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items()) + "."


def _examples(settings: Settings, as_of: date) -> Iterator[tuple[str, str]]:
    """Yield one alert and one task of this day, as they would look."""
    from customer_health.destinations.preview import rendered

    for verb, title in (("notify", "the Slack message"), ("create_task", "the CRM task")):
        found = rendered(settings.preview, as_of, verb)
        if found:
            # The gravest first; a summary of the whole portfolio is the last to serve as an example.
            found.sort(key=lambda one: EXAMPLES.get(one.playbook, 5))
            more = f", one of {len(found):,}" if len(found) > 1 else ""
            yield f"{title}{more}", storage.read(found[0].page).decode("utf-8")


def _where(console: Console, settings: Settings) -> None:
    console.print("\n[bold]Where to read more[/bold]")
    for what, where in (
        ("every message and task", settings.preview),
        ("data gate, KPI reports", settings.reports),
        ("model cards", settings.models),
        ("the page in Airflow", "make up, then Health in the navigation"),
    ):
        console.print(f" {what:<24} {where}")


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
