"""Which accounts are worth people's hours, by what they pay and by what they would still pay."""

from __future__ import annotations

from collections.abc import Callable

from customer_health.company import EconomicsConfig
from customer_health.playbook_config import PlaybookConfig

YEAR = 365.0


def clv_remaining(arr: float, p180: float, config: EconomicsConfig) -> float:
    """Return the margin that the account is still expected to bring.

    ARR x margin x expected remaining years. With a yearly churn probability c, taken from the
    180-day one at a constant rate, and a discount rate d, the sum of margin over the years is
    m / (c + d), the usual limit of the retention model (Gupta and Lehmann, 2003); a cap keeps a near-zero
    churn from promising decades.

    Args:
        arr: Per year.
        p180: Probability of leaving within 180 days, 0 to 1.
        config: Margin, discount rate and cap.
    """
    yearly = 1 - (1 - min(max(p180, 0.0), 1.0)) ** (YEAR / 180)
    rate = yearly + config.discount_rate
    years = config.max_lifetime_years if rate <= 0 else min(1 / rate, config.max_lifetime_years)
    return arr * config.gross_margin * years


def too_small(
    arr: float | None,
    loss: float | None,
    p180: float | None,
    config: PlaybookConfig,
    economics: EconomicsConfig,
    symbol: Callable[[float], str],
) -> str:
    """Return why people's hours cost more than the account; empty when they may be spent.

    Two bars. ARR under `min_arr` while the expected loss is under `min_expected_loss` too; or a remaining
    lifetime value under the cost of one play. What is unknown is never held against an account.

    Args:
        arr: ARR.
        loss: Expected ARR loss.
        p180: Probability of leaving within 180 days.
        config: The bars.
        economics: What a play costs and a customer brings.
        symbol: Function that writes an amount of money.
    """
    if arr is None:
        return ""
    if arr < config.min_arr and (loss is None or loss < config.min_expected_loss):
        said = (
            "" if loss is None else f", expected loss {symbol(loss)} below {symbol(config.min_expected_loss)}"
        )
        return f"ARR {symbol(arr)} is below {symbol(config.min_arr)}{said}"
    if p180 is not None and (left := clv_remaining(arr, p180, economics)) < economics.play_cost:
        return f"remaining lifetime value {symbol(left)} is below the {symbol(economics.play_cost)} of a play"
    return ""
