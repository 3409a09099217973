"""The oracle: what the true probability of each loss was, seen from any day of the simulated past.

It knows every latent state at the start of a week and lets many futures run from there with the
world's own `step()`. Probabilities of leaving are products of survival, not counts of departures,
so that few futures are enough (Rao-Blackwell).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from customer_health.errors import ConfigurationError
from customer_health.simulator.account_state import Accounts, Array, State, single
from customer_health.simulator.behaviour import (
    CONTRACTION,
    DOWNGRADE,
    MONTHLY,
    is_customer,
    is_renewal,
    risk_index,
    step,
)
from customer_health.simulator.contract_events import NOTICE_SPREAD_DAYS, notices, terms
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World

if TYPE_CHECKING:
    import pandas as pd

_PATHS_AT_ONCE = 16  # futures held in memory together
HEADS = ("logo", "downgrade", "contraction")
PHENOMENA = ("unsettled", "silent", "aloof", "arrears", "backlog", "slump")
DRIVERS = ("usage", "sentiment", "sponsor", "budget", "competitor", "price", *PHENOMENA)


def oracle(
    world: World, week: int, horizons: Sequence[int] = (90, 180), paths: int = 64, dose: float = 0.0
) -> pd.DataFrame:
    """Return the true probability of each loss after the start of a week.

    Args:
        world: The simulated company.
        week: Week at whose Monday we stand; it may be the last one that was simulated.
        horizons: Days to look ahead; an event counts on days 1 ... horizon after that Monday.
        paths: Futures per account.
        dose: Intervention given to every account at the start of the week (1 is a full one). The
            difference to dose 0 is each account's true uplift; both use the same random numbers.

    Returns:
        One row per customer, indexed by account_id, with the columns `{head}_{horizon}` for the heads
        logo, downgrade (the first one) and contraction (the first one).

    Raises:
        ConfigurationError: The week was not simulated, or a number is not positive.
    """
    _check(horizons, paths)
    state = world.state(week)
    here = np.nonzero(is_customer(world.accounts, state, week))[0]
    sums = _roll_forward(world, here, week, 0, horizons, paths, dose, None)
    return _frame(world, here, horizons, sums)


def true_probability(
    world: World, as_of: date, horizon_days: int, *, given_notice: bool = True, paths: int = 64
) -> pd.Series:
    """Return each customer's true probability of leaving within `horizon_days` after `as_of`.

    Exact to the day for the contract's calendar; the latent state is that of the Monday before.
    With `given_notice` the answer also knows, like everybody, who has given notice by then: 1 or 0
    for those, and a little less than the bare hazard for the others, because many of those who leave
    would have spoken already.

    Args:
        world: The simulated company.
        as_of: Any date of the simulated time.
        horizon_days: Days to look ahead.
        given_notice: Use what notices tell.
        paths: Futures per account.

    Returns:
        Indexed by account_id, customers of that date only.
    """
    name = f"p{horizon_days}"
    return true_probabilities(world, as_of, {name: horizon_days}, given_notice=given_notice, paths=paths)[
        name
    ]


def true_probabilities(
    world: World,
    as_of: date,
    horizons: Mapping[str, int | pd.Series],
    *,
    given_notice: bool = True,
    paths: int = 64,
) -> pd.DataFrame:
    """Return `true_probability` for several horizons from the same futures.

    Args:
        world: The simulated company.
        as_of: Any date of the simulated time.
        horizons: Column name -> days to look ahead, for all or by account_id.
        given_notice: Use what notices tell.
        paths: Futures per account.

    Returns:
        Indexed by account_id; customers of that date for whom every horizon is given.
    """
    import pandas as pd

    week, offset = divmod((as_of - world.start).days, 7)
    state = world.state(week)
    here = np.nonzero(world.customers(as_of) & is_customer(world.accounts, state, week))[0]
    ids = pd.Index([world.account_ids[position] for position in here], name="account_id")
    ahead = pd.DataFrame(
        {name: days if isinstance(days, int) else days.reindex(ids) for name, days in horizons.items()},
        index=ids,
    )
    told = ahead.notna().all(axis=1).to_numpy()
    here, ahead = here[told], ahead[told].astype(int)
    spans = [ahead[name].to_numpy() for name in ahead]
    _check([int(span.min(initial=10_000)) for span in spans], paths)
    spoken = _spoken_before(world, here, offset) if given_notice else None
    sums = _roll_forward(world, here, week, offset, spans, paths, 0.0, spoken)
    probability = sums["logo"] / sums["silent"][0]
    if given_notice:
        gone = notices(world)[here]
        with np.errstate(invalid="ignore"):
            known = gone < np.datetime64(as_of)
        leaves = (world.last_week[here] - week) * 7 + world.accounts.weekday[here] - offset
        probability = np.where(known, leaves <= np.stack(spans), probability)
    return pd.DataFrame(probability.T.astype(np.float64), index=ahead.index, columns=list(horizons))


def true_drivers(world: World, as_of: date) -> pd.DataFrame:
    """Return how many log-odds of risk each latent cause adds, compared with a healthy account.

    The ground truth of reasons: the risk index minus the index with that one cause set to healthy
    (value and mood at the segment's mean or better, sponsor present, no budget pressure, no competitor, no
    announced increase, none of the phenomena of phenomena.py).

    Returns:
        One row per customer, indexed by account_id, one column per name in `DRIVERS`.
    """
    import pandas as pd

    week = world.week_of(as_of)
    state, accounts = world.state(week), world.accounts
    here = np.nonzero(world.customers(as_of))[0]
    now = risk_index(accounts, state)
    zero = np.zeros_like(state.health)
    healthy = {
        "usage": replace(state, commitment=np.maximum(state.commitment, np.float32(0.25))),
        "sentiment": replace(state, goodwill=np.maximum(state.goodwill, np.float32(0.0))),
        "sponsor": replace(state, sponsor_gap=zero),
        "budget": replace(state, budget=zero),
        "competitor": replace(state, competitor=zero),
        "price": replace(state, uplift=zero),
        **{name: replace(state, **{name: zero}) for name in PHENOMENA},
    }
    ids = pd.Index([world.account_ids[position] for position in here], name="account_id")
    columns = {name: (now - risk_index(accounts, healthy[name]))[here] for name in DRIVERS}
    return pd.DataFrame(columns, index=ids).astype(np.float64)


def _check(horizons: Sequence[int], paths: int) -> None:
    if paths < 1 or not horizons or min(horizons) < 1:
        raise ConfigurationError(
            f"The oracle cannot look {list(horizons)} days ahead along {paths} paths.",
            hint="Give positive numbers of days and of paths.",
        )


def _spoken_before(world: World, here: NDArray[np.intp], offset: int) -> Array:
    """Return P(notice was given before today | leaves at the end of a term j weeks ahead), shape (j, n)."""
    fine_print = terms(world)
    notice, share = fine_print.notice_days[here], fine_print.notice_share[here]
    weeks = int(notice.max(initial=0) + NOTICE_SPREAD_DAYS) // 7 + 2
    days_ahead = np.arange(weeks)[:, None] * 7 + world.accounts.weekday[here] - offset
    earlier = np.clip(notice + NOTICE_SPREAD_DAYS - days_ahead + 1, 0, NOTICE_SPREAD_DAYS + 1)
    return single(share * earlier / (NOTICE_SPREAD_DAYS + 1))


def _roll_forward(
    world: World,
    here: NDArray[np.intp],
    week: int,
    offset: int,
    horizons: Sequence[int | NDArray[np.int64]],
    paths: int,
    dose: float,
    spoken: Array | None,
) -> dict[str, NDArray[np.float64]]:
    """Return mean probabilities per head, shape (horizons, n), and the mean chance that nobody spoke yet."""
    accounts, start = world.accounts.take(here), world.state(week).take(here)
    sums = {name: np.zeros((len(horizons), len(here))) for name in (*HEADS, "silent")}
    for part, first in enumerate(range(0, paths, _PATHS_AT_ONCE)):
        count = min(_PATHS_AT_ONCE, paths - first)
        state = start.repeat(count)
        state = replace(state, effect=state.effect + np.float32(dose))
        for name, values in _futures(world, accounts, state, week, offset, horizons, part, spoken).items():
            sums[name] += values
    return {name: values / paths for name, values in sums.items()}


def _futures(
    world: World,
    accounts: Accounts,
    state: State,
    week: int,
    offset: int,
    horizons: Sequence[int | NDArray[np.int64]],
    part: int,
    spoken: Array | None,
) -> dict[str, NDArray[np.float64]]:
    alive = np.ones_like(state.health)
    first = {
        DOWNGRADE: np.ones(state.health.shape, np.bool_),
        CONTRACTION: np.ones(state.health.shape, np.bool_),
    }
    totals = {name: np.zeros((len(horizons), len(accounts))) for name in (*HEADS, "silent")}
    totals["silent"] += state.health.shape[0]
    furthest = max(int(np.max(horizon, initial=0)) for horizon in horizons)
    for ahead in range((furthest + offset) // 7 + 1):
        rng = stream(world.seed, f"oracle {week}", week + ahead, part)
        state, risk, event = step(accounts, state, week + ahead, rng, events="no_churn")
        days = 7 * ahead + accounts.weekday - offset
        leaves = alive * risk.logo * (days > 0)
        shrinks = alive * risk.contraction * first[CONTRACTION]
        drops = alive * risk.downgrade * first[DOWNGRADE]
        quiet = leaves
        if spoken is not None and ahead < len(spoken):
            termed = is_renewal(accounts, week + ahead) & (accounts.term > MONTHLY) & (days > 0)
            said = leaves * spoken[ahead] * termed
            totals["silent"] -= said.sum(axis=0)
            quiet = leaves - said
        for place, horizon in enumerate(horizons):
            counts = (days > 0) & (days <= horizon)
            totals["logo"][place] += quiet.sum(axis=0) * counts
            totals["contraction"][place] += shrinks.sum(axis=0) * counts
            totals["downgrade"][place] += drops.sum(axis=0) * counts
        alive = alive - leaves
        for kind, still in first.items():
            still &= event != kind
    return totals


def _frame(
    world: World, here: NDArray[np.intp], horizons: Sequence[int], sums: dict[str, NDArray[np.float64]]
) -> pd.DataFrame:
    import pandas as pd

    ids = pd.Index([world.account_ids[position] for position in here], name="account_id")
    columns = {f"{head}_{days}": sums[head][place] for head in HEADS for place, days in enumerate(horizons)}
    return pd.DataFrame(columns, index=ids)
