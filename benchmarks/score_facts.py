"""S7, S9, S10: facts that are shown and named, silent accounts, and who was chosen to score."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import numpy as np
import pandas as pd
from benchmarks.score_company import Lived
from benchmarks.score_lines import Line, at_most, ranked
from benchmarks.score_truth import monthly

from customer_health.fact_thresholds import FactThresholds
from customer_health.model.candidates.rules_v1 import rules_v1_seed
from customer_health.model.candidates.rules_v2 import rules_v2
from customer_health.model.data.fixed_distance import at_reference
from customer_health.model.score_choice import MARGIN
from customer_health.scoring.daily_scores import SCORED, score_accounts
from customer_health.scoring.tiers import scheme_named, tier_of
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.merges import survivors

HALF_YEAR, MONTH = timedelta(days=182), timedelta(days=30)
LOW = 49  # where At Risk ends

# Read off the raw tables, not off the signals that the facts themselves read.
_LATELY = "(SELECT account_id FROM raw.{table} WHERE occurred_at >= ${since} AND occurred_at < $cut)"
_TRUE = {
    "sponsor_left": """SELECT DISTINCT c.account_id FROM raw.contact_changes AS c
        JOIN raw.contacts AS p USING (contact_id, account_id)
        WHERE kind = 'left' AND c.occurred_at >= $half_year AND c.occurred_at < $cut
        AND c.known_at < $cut AND p.known_at < $cut
        AND coalesce(c.role, p.role) IN ('sponsor', 'champion')""",
    "overdue_invoices": """SELECT DISTINCT account_id FROM raw.invoices WHERE known_at < $cut AND amount > 0
        AND due_at < $cut - INTERVAL 31 DAY AND (paid_at IS NULL OR paid_at >= $cut)""",
    "single_threaded": f"""SELECT s.account FROM raw.contacts AS c
        JOIN ({survivors("$cut")}) AS s USING (account_id) ANTI JOIN (
            SELECT contact_id FROM raw.contact_changes
            WHERE kind = 'left' AND occurred_at < $cut AND known_at < $cut
        ) AS gone USING (contact_id) WHERE c.known_at < $cut GROUP BY s.account HAVING count(*) = 1""",
    "silent_account": f"""SELECT account_id FROM raw.accounts
        SEMI JOIN (SELECT account_id FROM raw.usage WHERE occurred_at < $cut) USING (account_id)
        ANTI JOIN {_LATELY.format(table="usage", since="month")} USING (account_id)
        ANTI JOIN {_LATELY.format(table="tickets", since="month")} USING (account_id)
        WHERE known_at < $cut""",
    "never_logged_in": f"""SELECT account_id FROM raw.accounts
        ANTI JOIN (SELECT account_id FROM raw.usage WHERE occurred_at < $cut) USING (account_id)
        ANTI JOIN {_LATELY.format(table="tickets", since="quarter")} USING (account_id)
        WHERE known_at < $cut""",
}


def true_facts(lived: Lived) -> pd.DataFrame:
    """Return `as_of`, `account_id` and `code` of what the raw tables say, on the monthly readings."""
    found = []
    with open_warehouse(lived.settings.warehouse_url) as con:
        for day in monthly(lived):
            cut = datetime.combine(day, time())
            moments = {
                "cut": cut,
                "half_year": cut - HALF_YEAR,
                "month": cut - MONTH,
                "quarter": cut - 3 * MONTH,
            }
            for code, query in _TRUE.items():
                wanted = {name: moment for name, moment in moments.items() if f"${name}" in query}
                ids = [str(row[0]) for row in con.execute(query, wanted).fetchall()]
                found.append(pd.DataFrame({"as_of": pd.Timestamp(day), "account_id": ids, "code": code}))
    return pd.concat(found, ignore_index=True)


def facts(rows: pd.DataFrame, true: pd.DataFrame) -> list[Line]:
    """S7: headline facts shown, named in the Why, and numbers that contradict their tier."""
    shown = {
        (row.as_of, row.account_id): {fact["code"] for fact in row.facts or ()}
        for row in rows[["as_of", "account_id", "facts"]].itertuples()
    }
    small = rows["seats"].astype(float) < FactThresholds().organisation_from_seats
    alone = set(zip(rows["as_of"][small], rows["account_id"][small], strict=True))
    lines = []
    for code in ("sponsor_left", "overdue_invoices", "single_threaded", "silent_account"):
        wanted = [key for key in _keys(true, code) if key in shown]
        if code == "single_threaded":  # of one person, nobody else can be known
            wanted = [key for key in wanted if key not in alone]
        told = sum(code in shown[key] for key in wanted)
        share = told / len(wanted) if wanted else float("nan")
        lines.append(
            Line(
                "S7",
                f"{code}: true by the raw tables, and shown",
                share,
                0.999,
                note=f"{told} of {len(wanted)}",
            )
        )
    worst = [(row.why, _worst(row.facts or ())) for row in rows[["why", "facts"]].itertuples()]
    worst = [(why, short) for why, short in worst if short]
    named = sum(short.lower() in why.lower() for why, short in worst)
    lines.append(Line("S7", "the Why names the worst decisive fact", named / max(len(worst), 1), 1.0,
                      note=f"{named:,} of {len(worst):,}"))  # fmt: skip
    four, rag = scheme_named("four_tier"), scheme_named("rag")
    wrong = sum(
        tier_of(int(score), four) != tier or tier_of(int(score), rag) != band
        for score, tier, band in zip(rows["score_shown"], rows["tier"], rows["band"], strict=True)
    )
    lines.append(at_most("S7", "numbers that contradict their tier or band", float(wrong), 0.0))
    return lines


def _keys(true: pd.DataFrame, code: str) -> list[tuple[pd.Timestamp, str]]:
    own = true[true["code"] == code]
    return list(zip(own["as_of"], own["account_id"], strict=True))


def _worst(happened: list[dict[str, object]]) -> str:
    return next((str(fact["short"]) for fact in happened if fact["decisive"]), "")


def silent(lived: Lived, rows: pd.DataFrame, true: pd.DataFrame) -> list[Line]:
    """S9: silent accounts, and those that never logged in, by the model and by both rule sets."""
    day = monthly(lived)[-1]
    panel = lived.panel[pd.to_datetime(lived.panel["as_of"]) == pd.Timestamp(day)]
    lines = []
    for rules in ("", "rules_v1_seed", "rules_v2"):
        if rules:
            score = lived.config.score.model_copy(update={"rules": rules})
            config = lived.config.model_copy(update={"score": score})
            own = score_accounts(panel, None, config, as_of=day, with_levers=False)
            own = own[own["state"] == SCORED].assign(as_of=pd.Timestamp(day))
        else:
            own = rows
        for code in ("silent_account", "never_logged_in"):
            wanted = set(_keys(true, code))
            old = own["tenure_days"] >= MONTH.days if "tenure_days" in own else True
            here = [key in wanted for key in zip(own["as_of"], own["account_id"], strict=True)]
            hit = own[np.array(here, dtype=bool) & old]
            low = float((hit["score_shown"] <= LOW).mean()) if len(hit) else float("nan")
            who = rules or "as published"
            lines.append(Line("S9", f"{code}, {who}: Red or At Risk", low, 1.0, note=f"{len(hit)} readings"))
    return lines


def choice(lived: Lived, rows: pd.DataFrame) -> list[Line]:
    """S10: the chosen one against the others at hand, in walk-forward and by the truth."""
    rivals = lived.record.summary.get("score_from") or []
    chosen = [one for one in rivals if one["chosen"]]
    lines = []
    if chosen:
        best = max(rivals, key=lambda one: one["auc"])
        behind = best["auc"] - chosen[0]["auc"]
        told = f"{chosen[0]['kind']} {chosen[0]['auc']:.3f} of {len(rivals)}; best {best['kind']}"
        lines.append(
            at_most("S10", "walk-forward AUC by which the chosen one is behind", behind, MARGIN, told)
        )
    else:
        lines.append(Line("S10", "walk-forward AUC by which the chosen one is behind", float("nan"),
                          note="nothing could be measured: " + lived.record.why[:60]))  # fmt: skip
    own = rows[rows["in_sight"]]
    fixed = at_reference(own, 180)
    nps = own["recent_nps"].astype(float)
    others = {
        "latest NPS": -nps.fillna(nps.mean()).to_numpy(),
        "rules v1": -rules_v1_seed(fixed)["score"].to_numpy(dtype=float),
        "rules v2": -rules_v2(fixed)["score"].to_numpy(dtype=float),
    }  # fmt: skip
    reached = {name: ranked(own, risk, "true_decision") for name, risk in others.items()}
    ours = ranked(own, -own["score"].to_numpy(dtype=float), "true_decision")
    name = max(reached, key=lambda each: reached[each])
    told = f"best of NPS and both rule sets: {name} {reached[name]:.3f}"
    words = "by the truth, after the training: AUC of the score"
    lines.append(Line("S10", words, ours, reached[name] - MARGIN, note=told))
    largest = (
        rows.groupby("as_of")["tier"].agg(lambda tiers: tiers.value_counts(normalize=True).iloc[0]).max()
    )
    lines.append(at_most("S10", "largest share of one tier on any day", float(largest), 0.95))
    return lines
