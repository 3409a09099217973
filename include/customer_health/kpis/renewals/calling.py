"""Make a call about a renewal or a quarter: the same checks from the page, the command line and a tool."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from customer_health.company import CompanyConfig
from customer_health.errors import FatalError, suggest
from customer_health.kpis.renewals.quarters import quarter_named
from customer_health.kpis.renewals.renewal_forecast import Forecast, forecast
from customer_health.ledger import scores
from customer_health.ledger.renewals import CSM, FINAL, Call, Kind, record_call
from customer_health.roles import EVERYBODY, Viewer


def newest_forecast(
    engine: Engine, config: CompanyConfig, *, now: datetime, viewer: Viewer = EVERYBODY
) -> Forecast:
    """Return the forecast of the newest published day, of the customers that the viewer may see.

    Raises:
        FatalError: Nothing has been published yet.
    """
    as_of = scores.latest_day(engine)
    if as_of is None:
        raise FatalError(
            "No scores have been published yet.", hint="Run the chain, or wait for the nightly run."
        )
    with engine.connect() as connection:
        return forecast(
            connection,
            as_of,
            known_before=now + timedelta(microseconds=1),  # this moment included
            year_starts=config.forecast.fiscal_year_starts,
            share=config.forecast.interval,
            currency=config.money.currency,
            chosen=lambda row: viewer.sees(row["owner_email"], row["manager_email"]),
        )


def call_account(
    engine: Engine,
    config: CompanyConfig,
    account_id: str,
    *,
    retained: float | None,
    final: bool,
    by: str,
    note: str,
    now: datetime,
    viewer: Viewer = EVERYBODY,
) -> Call:
    """Say what an account's next renewal will bring.

    Args:
        engine: The ledger.
        config: The company's numbers.
        account_id: The account.
        retained: ARR after the decision; None: all of it, 0: the customer leaves.
        final: The lead's final call instead of the CSM's.
        by: Who says so.
        note: Why, in a few words.
        now: The present.
        viewer: Who asks; only accounts that this person may see exist.

    Raises:
        FatalError: No such account, no renewal within four quarters, or not this person's call to make.
    """
    found = newest_forecast(engine, config, now=now, viewer=viewer)
    one = next((each for each in found.renewals if each.account_id == account_id), None)
    if one is None:
        names = [each.account_id for each in found.renewals]
        raise FatalError(f"There is no account '{account_id[:60]}'.", hint=suggest(account_id, names))
    if one.when not in [line.name for line in found.quarters]:
        raise FatalError(
            f"{one.name} has no renewal in the next four quarters.",
            hint="A call is about a renewal with a date that lies ahead.",
        )
    if final and not viewer.leads(one.owner, one.manager):
        raise FatalError("The final call is the lead's.", hint="Make it as the CSM's call, or ask the lead.")
    if retained is None and one.arr is None:
        raise FatalError(
            f"The ARR of {one.name} is unknown.", hint="Say how much stays, as an amount per year."
        )
    kind: Kind = FINAL if final else CSM
    call = Call(
        quarter=one.when,
        kind=kind,
        retained_arr=float(one.arr or 0.0) if retained is None else retained,
        by=by,
        at=now,
        account_id=account_id,
        renewal_date=one.renewal_date,
        arr=one.arr,
        currency=found.currency,
        note=note,
    )
    record_call(engine, call)
    return call


def call_quarter(
    engine: Engine,
    config: CompanyConfig,
    quarter: str,
    *,
    retained: float,
    by: str,
    note: str,
    now: datetime,
    viewer: Viewer = EVERYBODY,
) -> Call:
    """Say what a whole quarter's renewals will bring. Arguments and errors as for `call_account`."""
    named = quarter_named(quarter, config.forecast.fiscal_year_starts).name
    if not viewer.everything:
        raise FatalError("The final call about a quarter is the lead's.", hint="Ask a lead to make it.")
    found = newest_forecast(engine, config, now=now)
    line = next((each for each in found.quarters if each.name == named), None)
    if line is None:
        known = ", ".join(each.name for each in found.quarters)
        raise FatalError(f"{named} is not among the next four quarters.", hint=f"They are: {known}.")
    call = Call(
        quarter=named,
        kind=FINAL,
        retained_arr=retained,
        by=by,
        at=now,
        arr=line.arr,
        currency=found.currency,
        note=note,
    )
    record_call(engine, call)
    return call
