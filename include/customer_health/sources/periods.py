"""Billing periods: how many of them a year has, so that amounts of months and of years become a year's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from customer_health.sources.rule_parts import Part, Scalar
from customer_health.warehouse.contracts import literal

_A_YEAR: Mapping[float, str] = {
    365: "day days daily p1d täglich diario 日",
    52: "week weeks weekly wk p1w p7d woche wöchentlich hebdomadaire semanal 週",
    12: (
        "mensualmente maandelijks maand 毎月 月払い 月払 "
        "month months monthly mon mo mth p1m monat monatlich monate mois mensuel mensuelle mensual mensal "
        "mensile 月 月次 月額"
    ),
    4: (
        "quarter quarters quarterly qtr p3m quartal quartalsweise vierteljährlich trimestre trimestriel "
        "trimestral trimestrale trimestralmente kwartaal 四半期 四半期払い"
    ),
    2: (
        "half-year half_year half-yearly semi-annual semi_annual semiannual semi-annually p6m halbjahr "
        "halbjährlich semestre semestriel semestral semestrale halfjaarlijks 半年"
    ),
    1: (
        "year years yearly yr annual annually annum p1y p12m jahr jahre jährlich an année annuel annuelle "
        "año anual ano annuale anno jaar jaarlijks anualmente 年 年次 年額 毎年 年払い 年払"
    ),
    0.5: "biennial p2y p24m",
    1 / 3: "triennial p3y p36m",
}
IN_A_YEAR: Mapping[str, float] = {word: many for many, words in _A_YEAR.items() for word in words.split()}
"""What billing systems call a period -> how many of them a year has."""


def named_column(value: Any) -> Any:
    """`per: interval` is short for `per: {column: interval}`."""
    return {"column": value} if isinstance(value, str) else value


class Period(Part):
    """The billing period that an amount is for: `{column: interval}` makes it the amount of a year.

    Attributes:
        column: Source column with the word for the period: month, quarterly, annual, P3M.
        every: Source column with how many of them: every 3 months.
        values: What other words mean: `{M: month, 12: year}`. A word that nobody explains: quarantine.
    """

    column: str
    every: str | None = None
    values: Mapping[Scalar, Scalar] = Field(default_factory=dict)

    @field_validator("values")
    @classmethod
    def _known_periods(cls, values: Mapping[Scalar, Scalar]) -> Mapping[Scalar, Scalar]:
        for means in values.values():
            if _plain(means) not in IN_A_YEAR:
                raise ValueError(f"'{means}' is not a period such as month, quarter or year")
        return values


def a_year(text: str, per: Period) -> str:
    """Return SQL of how many periods a year has, by the word for one; NULL for a word that nobody explains.

    Args:
        text: SQL of the word, trimmed.
        per: What the mapping says; its `values` go before the words that are known anyway.
    """
    meant = {**IN_A_YEAR, **{_plain(word): IN_A_YEAR[_plain(means)] for word, means in per.values.items()}}
    cases = " ".join(f"WHEN {literal(word)} THEN {many!r}" for word, many in meant.items())
    return f"CASE lower({text}) {cases} END"


def _plain(word: Scalar) -> str:
    return str(word).strip().lower()
