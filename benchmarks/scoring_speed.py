"""How fast accounts are scored: probabilities and scores alone, and everything that people are shown.

    python -m benchmarks.scoring_speed --accounts 1000000

The panel is that of `signals_data` (all signals), repeated under new names and with noise, so that no two
accounts are alike; the champion's trees have their usual number and depth, grown on made-up losses. Scores
come in batches, as memory must not grow with the portfolio. Prints accounts per CPU second (all threads)
and peak memory, after checking that a batch's scores are those of the whole.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.signals_data import DAYS, FIRST, generate

from customer_health.company import CompanyConfig
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.data.features import FeatureSet
from customer_health.model.registry.champion import Champion, anchors_of
from customer_health.model.registry.reference_account import reference_of
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.reasons import reasons_for
from customer_health.scoring.scoring_method import by_model, rescorer
from customer_health.scoring.smoothing import Memory, recall
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import CATALOGUE

AS_OF = FIRST + timedelta(days=DAYS)
ALIKE = 2000  # accounts that are drawn; others are noisy copies


def drawn() -> pd.DataFrame:
    """Signals of the accounts that are drawn, on two dates."""
    import duckdb

    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        generate(con, ALIKE)
        return build_panel(con, CompanyConfig(), [AS_OF - timedelta(days=180), AS_OF])


def grown(panel: pd.DataFrame) -> Champion:
    """A champion with a head per horizon; losses are drawn from what usage and tickets say."""
    features = FeatureSet.of(panel)
    design = features.design(panel)
    random = np.random.default_rng(1)
    worry = panel["open_critical_tickets"].fillna(0) - 3 * panel["usage_delta_28d"].fillna(0)
    lost = (random.random(len(panel)) < 0.3 / (1 + np.exp(-worry.clip(-5, 5)))).to_numpy(float)
    heads = {
        horizon: BoostedTrees(features.features).fit(design, lost, np.ones(len(lost)))
        for horizon in (90, 180)
    }
    anchors = {
        horizon: anchors_of(head.predict_logit(design), red_share=0.1, green_share=0.6)
        for horizon, head in heads.items()
    }
    champion = Champion("speed-1", AS_OF, features, heads, anchors, 180, health_anchors=anchors[180])
    return replace(champion, reference=reference_of(champion, panel))


def batches(panel: pd.DataFrame, accounts: int, size: int) -> Iterator[pd.DataFrame]:
    """Panels of one date with noisy copies of the drawn accounts under new names."""
    names = [name for name in CATALOGUE if name in panel]
    random = np.random.default_rng(2)
    for begin in range(0, accounts, size):
        many = min(size, accounts - begin)
        frame = panel.iloc[np.arange(begin, begin + many) % len(panel)].reset_index(drop=True)
        frame[names] = frame[names].to_numpy() * random.normal(1, 0.05, (many, 1))
        frame["account_id"] = pd.Series(np.arange(begin, begin + many)).map("b{:08d}".format).astype("str")
        yield frame


def timed(work: Callable[[pd.DataFrame], Any], panels: Iterator[pd.DataFrame]) -> float:
    """CPU seconds of the work alone; making the panels is not counted."""
    total = 0.0
    for panel in panels:
        began = time.process_time()
        work(panel)
        total += time.process_time() - began
    return total


def main() -> None:
    """Grow, check, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=20_000)
    parser.add_argument("--reasons", type=int, help="accounts for what takes longer; all by default")
    parser.add_argument("--profile", action="store_true", help="print where the time of the full result goes")
    options = parser.parse_args()
    two_dates = drawn()
    champion, config = grown(two_dates), CompanyConfig()
    panel = two_dates[two_dates["as_of"] == pd.Timestamp(AS_OF)].reset_index(drop=True)
    alone = rescorer(champion, config, panel)

    def full(rows: pd.DataFrame, as_of: date = AS_OF) -> pd.DataFrame:
        return score_accounts(rows, champion, config, as_of=as_of)

    def told(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
        scored = by_model(rows, champion, config, CATALOGUE, nobody)
        return reasons_for(scored.attribution, rows, CATALOGUE)

    def nobody(accounts: pd.Series) -> Memory:
        return recall(None, accounts, as_of=AS_OF, model_id=champion.model_id, meaning=champion.meaning)

    first = next(batches(panel, 3000, 3000))
    whole, half = full(first).set_index("account_id"), full(first.iloc[:1500]).set_index("account_id")
    np.testing.assert_allclose(half["score"].astype(float), whole.loc[half.index, "score"].astype(float))
    print(f"{len(half):,} scores are the same in a smaller batch")
    many, few = options.accounts, options.reasons or options.accounts
    cpu = timed(lambda rows: alone(rows), batches(panel, many, options.batch))
    print(f"scores alone: {many:,} accounts in {cpu:.1f} CPU s, {many / cpu:,.0f} a CPU second")
    profile = cProfile.Profile(time.process_time)
    if options.profile:
        profile.enable()
    for name, work in (("score and reasons", told), ("with Why, waterfall and lever", full)):
        cpu = timed(work, batches(panel, few, options.batch))
        print(f"{name}: {few:,} accounts in {cpu:.1f} CPU s, {few / cpu:,.0f} a CPU second", flush=True)
    profile.disable()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
