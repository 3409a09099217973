"""Rates, rows and seconds of the simulated company, beside what its design promises.

    python benchmarks/simulate.py [--accounts 2000] [--seeds 7 1 2] [--world-accounts 10000]

Prints the annual rates of each loss, how many customers leave within 24 months (a model needs at
least 60 of them), the oracle's own AUC, and what writing the tables costs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "include"))

from tests.lib.contradictory_cases import find_cases
from tests.lib.oracle import oracle

from customer_health.simulator.behaviour import CONTRACTION, DOWNGRADE, EXPANSION, LOGO, UPGRADE
from customer_health.simulator.canonical_exports import write_tables
from customer_health.simulator.product import default_start
from customer_health.simulator.world import World, simulate

DESIGN = {"logo": 5.1, "contraction": 16.2, "downgrade": 2.8, "expansion": 23.5}
KINDS = {
    "logo": (LOGO,),
    "contraction": (CONTRACTION,),
    "downgrade": (DOWNGRADE,),
    "expansion": (EXPANSION, UPGRADE),
}
TODAY = date(2026, 6, 15)


def rates(world: World, weeks: int) -> dict[str, float]:
    """Return events per account and year, in percent."""
    years = sum(world.customers(world.day(week)).sum() for week in range(weeks)) / 52
    return {name: 100 * np.isin(world.events[:weeks], kinds).sum() / years for name, kinds in KINDS.items()}


def auc(score: np.ndarray, happened: np.ndarray) -> float:
    """Return the area under the ROC curve (scores of the oracle hardly ever tie)."""
    rank = np.argsort(np.argsort(score)) + 1
    positive = happened.sum()
    return float((rank[happened].sum() - positive * (positive + 1) / 2) / (positive * (~happened).sum()))


def report_worlds(seeds: list[int], accounts: int) -> None:
    """Print the annual rates per seed, and the oracle's AUC at week 100."""
    print(
        f"\n{accounts:,} accounts, 130 weeks      "
        + "".join(f"{name:>13}" for name in DESIGN)
        + "   seconds  AUC90  AUC180"
    )
    print(f"{'design':30}" + "".join(f"{value:12.1f}%" for value in DESIGN.values()))
    for seed in seeds:
        began = time.process_time()
        world = simulate(seed, accounts, 130, start=default_start(TODAY))
        seconds = time.process_time() - began
        told = oracle(world, 100)
        positions = np.array([int(name[4:]) for name in told.index])
        ahead = np.arange(26)[:, None] * 7 + world.accounts.weekday
        left = [
            ((world.events[100:126] == LOGO) & (ahead <= days)).any(axis=0)[positions] for days in (90, 180)
        ]
        skill = [auc(told[f"logo_{days}"].to_numpy(), y) for days, y in zip((90, 180), left, strict=True)]
        print(
            f"{f'seed {seed}':30}" + "".join(f"{value:12.1f}%" for value in rates(world, 130).values())
            + f"{seconds:10.2f}{skill[0]:7.3f}{skill[1]:8.3f}"
        )  # fmt: skip


def report_tables(seed: int, accounts: int) -> None:
    """Print what writing the tables costs, how many customers leave, and which odd cases occur."""
    start, tomorrow = default_start(TODAY), TODAY + timedelta(days=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began, clock = time.process_time(), time.perf_counter()
        files = write_tables(folder, start=start, through=TODAY, accounts=accounts, seed=seed)
        cpu, wall = time.process_time() - began, time.perf_counter() - clock
        size = {
            table: (rows_of(paths), sum(path.stat().st_size for path in paths))
            for table, paths in files.items()
        }
        began = time.process_time()
        write_tables(folder, start=start, through=tomorrow, accounts=accounts, seed=seed)
        day = time.process_time() - began
    print(f"\n{accounts:,} accounts: {cpu:.1f} CPU s ({wall:.1f} s wall); one more day: {day:.1f} CPU s")
    for table, (rows, used) in size.items():
        print(f"  {table:16}{rows:>12,} rows {used / 1e6:8.1f} MB")
    world = simulate(seed, accounts, 130, start=start)
    left, mature = ((world.events[26:end] == LOGO).sum() for end in (130, 104))
    print(
        f"\n{left} customers leave in the last 24 months, {mature} of them more than 180 days before the end."
    )
    print(find_cases(world)["case"].value_counts().to_string())


def rows_of(paths: list[Path]) -> int:
    """Return the number of rows, rows that came again with later news included."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in paths)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--world-accounts", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 1, 2])
    options = parser.parse_args()
    report_worlds(options.seeds, options.world_accounts)
    report_tables(options.seeds[0], options.accounts)
