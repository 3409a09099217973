"""From which probability on a near decision asks for attention."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customer_health.model.registry import champion as champions
from customer_health.model.registry.champion import attention_cut, decides_soon


def company(risk: np.ndarray, days: np.ndarray) -> tuple[Any, pd.DataFrame]:
    rows = pd.DataFrame({"account_id": np.arange(len(risk)), "days_to_renewal": days})
    return SimpleNamespace(heads={90: None}, predict=lambda asked: pd.DataFrame({"p90": risk})), rows


@pytest.fixture(autouse=True)
def nobody_is_low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(champions, "low_health", lambda champion, rows: np.zeros(len(rows), dtype=bool))


def test_a_contract_without_a_date_decides_any_day() -> None:
    assert decides_soon(np.array([np.nan, 0.0, 90.0, 91.0])).tolist() == [True, True, True, False]


def test_where_all_run_by_the_month_the_riskiest_share_asks_for_attention() -> None:
    risk = np.linspace(0.001, 0.1, 100)
    cut = attention_cut(*company(risk, np.full(100, np.nan)), 0.30)
    assert (risk >= cut).sum() == 30


def test_a_decision_no_riskier_than_the_average_account_fills_no_room() -> None:
    risk = np.r_[np.full(90, 0.05), np.linspace(0.001, 0.2, 10)]
    days = np.r_[np.full(90, 200.0), np.full(10, 30.0)]
    cut = attention_cut(*company(risk, days), 0.30)
    assert cut == pytest.approx(risk.mean())
    assert 0 < ((risk >= cut) & decides_soon(days)).sum() < 10


def test_nobody_near_asks_for_none() -> None:
    assert attention_cut(*company(np.full(9, 0.5), np.full(9, 200.0)), 0.30) == 1.0
