"""Euros are never added to dollars, and a company that adds a currency learns what to write down."""

from __future__ import annotations

from datetime import date
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from tests.lib.files import AS_OF, MAPPING, CompanyFiles

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import named
from customer_health.sources.load import ingest
from customer_health.sources.source import LoadResult
from customer_health.warehouse.connect import open_warehouse

pytestmark = pytest.mark.usefixtures("in_columns")

CONTRACTS = (
    "id,account,seats,arr,start,coin\n"
    "c1,a1,10,10000,2025-01-10,EUR\nc2,a1,20,20000,2025-02-10,USD\nc3,a2,5,6000,2025-03-10,EUR\n"
)
INVOICES = "id,account,issued,due,paid,amount,coin\ni1,a1,2026-05-01,2026-05-10,,1000,USD\n"
FEEDS = (
    MAPPING.replace("arr: arr,", "arr: arr, currency: coin,")
    + """
  invoices:
    files: invoices.csv
    columns:
      invoice_id: id
      account_id: account
      occurred_at: issued
      due_at: due
      paid_at: paid
      amount: amount
      currency: coin
"""
)


class Trader(CompanyFiles):
    """A company that sells in euros and in dollars."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.write("contracts.csv", CONTRACTS)
        self.write("invoices.csv", INVOICES)
        self.map(FEEDS)
        self.money: dict[str, Any] = {}

    def ingest(self, as_of: date = AS_OF) -> LoadResult:
        return ingest(self.settings.model_copy(update={"config": self.config}), as_of=as_of)

    @property
    def config(self) -> CompanyConfig:
        return CompanyConfig.model_validate({"money": self.money})

    def arr(self) -> dict[str, float | None]:
        return dict(self.rows("SELECT contract_id, arr FROM raw.contracts ORDER BY occurred_at"))

    def panel(self, *names: str) -> dict[str, Any]:
        with open_warehouse(self.settings.warehouse_url) as con:
            state = self.home / "state"
            rows = build_panel(con, self.config, [AS_OF], signals=named(names), state_dir=state)
        found: dict[str, Any] = rows.set_index("account_id").loc["a1"].to_dict()
        return found


@pytest.fixture
def trader(tmp_path: Path) -> Trader:
    return Trader(tmp_path)


def test_an_account_with_contracts_in_two_currencies_has_one_arr(trader: Trader) -> None:
    trader.money = {"currency": "EUR", "rates": {"USD": 0.9}}
    notes = trader.ingest().notes
    assert trader.panel("overdue_amount")["arr"] == 10_000 + 20_000 * 0.9
    assert trader.panel("overdue_amount")["overdue_amount"] == 900
    assert "contracts: 1 amount in USD is told in EUR." in notes


def test_a_currency_without_a_rate_is_unknown_and_said_so(trader: Trader) -> None:
    """Its contract still makes a customer, its seats still count; a sum with it in would be too small."""
    loaded = trader.ingest()
    assert trader.arr() == {"c1": 10_000, "c2": None, "c3": 6_000}
    assert isnan(trader.panel("overdue_amount")["arr"])
    assert trader.panel("overdue_amount")["seats"] == 30
    told = " ".join(loaded.notes)
    assert "1 amount in USD is unknown" in told
    assert "Add USD to money.rates" in told
    assert "given in EUR, the currency of most contracts" in told


def test_a_currency_that_moves_is_no_contraction(trader: Trader) -> None:
    """The dollar fell in 2026; the contract of 2025 is renewed at the same price and keeps its rate."""
    trader.write("contracts.csv", CONTRACTS + "c2,a1,20,20000,2026-02-10,USD\n")
    trader.money = {"currency": "EUR", "rates": {"USD": {"2024-01-01": 0.9, "2026-01-01": 0.8}}}
    trader.ingest()
    assert trader.arr() == {"c1": 10_000, "c2": 18_000, "c3": 6_000}
    assert trader.panel("arr_change_12m")["arr_change_12m"] == 0
    assert trader.rows("SELECT amount FROM raw.invoices") == [(800,)]  # an invoice has the rate of its day


def test_a_corrected_rate_corrects_the_past(trader: Trader) -> None:
    """Also in what the signals keep from night to night."""
    trader.money = {"currency": "EUR", "rates": {"USD": 9}}
    trader.ingest()
    assert trader.panel("overdue_amount")["arr"] == 190_000
    trader.money = {"currency": "EUR", "rates": {"USD": 0.9}}
    trader.ingest()
    assert trader.panel("overdue_amount")["arr"] == 28_000


def test_converting_twice_changes_nothing(trader: Trader) -> None:
    trader.money = {"currency": "EUR", "rates": {"USD": 0.9}}
    trader.ingest()
    before = trader.rows("SELECT * FROM raw.contracts ORDER BY contract_id")
    trader.ingest()
    assert trader.rows("SELECT * FROM raw.contracts ORDER BY contract_id") == before


def test_another_company_currency_converts_what_was_native(trader: Trader) -> None:
    trader.money = {"currency": "EUR", "rates": {"USD": 0.9}}
    trader.ingest()
    trader.money = {"currency": "USD", "rates": {"EUR": 1.1}}
    trader.ingest()
    assert trader.arr() == pytest.approx({"c1": 11_000, "c2": 20_000, "c3": 6_600})


def test_what_a_loss_took_is_told_in_the_same_currency(trader: Trader) -> None:
    """Losses name no currency: they are in that of the account's contract."""
    trader.write("lost.csv", "account,day,lost\na2,2026-03-01,6000\na1,2026-03-01,20000\n")
    trader.map(
        FEEDS
        + """
  outcomes:
    files: lost.csv
    columns: {account_id: account, occurred_at: day, known_at: day, arr_lost: lost}
"""
    )
    trader.money = {"currency": "EUR", "rates": {"USD": 0.9}}
    trader.ingest()
    assert dict(trader.rows("SELECT account_id, arr_lost FROM raw.outcomes")) == {"a1": 18_000, "a2": 6_000}


def test_codes_are_read_as_people_write_them_and_one_currency_needs_no_settings(trader: Trader) -> None:
    trader.write(
        "contracts.csv", CONTRACTS.replace("USD", " eur ").replace("6000,2025-03-10,EUR", "6000,2025-03-10,")
    )
    trader.write("invoices.csv", INVOICES.replace("USD", "EUR"))
    assert trader.ingest().notes == []
    assert trader.arr() == {"c1": 10_000, "c2": 20_000, "c3": 6_000}
    assert trader.rows("SELECT DISTINCT currency FROM raw.contracts") == [("EUR",)]


@pytest.mark.parametrize(
    ("money", "says"),
    [
        ({"rates": {"USD": 0.9}}, "need money.currency"),
        ({"currency": "EUR", "rates": {"usd": 0.9}}, "not the code of another currency"),
        ({"currency": "EUR", "rates": {"EUR": 1}}, "not the code of another currency"),
        ({"currency": "EUR", "rates": {"USD": 0}}, "above 0"),
        ({"currency": "EUR", "rates": {"USD": {"2024-01-01": -1}}}, "above 0"),
        ({"currency": "Euro"}, "money.currency"),
    ],
)
def test_rates_that_cannot_be_are_refused(tmp_path: Path, money: dict[str, Any], says: str) -> None:
    import yaml

    from customer_health.company import load_company

    file = tmp_path / "company.yaml"
    file.write_text(yaml.safe_dump({"money": money}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=says):
        load_company(file)
