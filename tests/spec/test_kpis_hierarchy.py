"""Groups of companies: every account counts once, and the worst child is seen at the top."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.ledger import morning, new_ledger, publish

from customer_health.kpis.hierarchy import Account, below, groups, listed_under, roll_up, tops
from customer_health.ledger import portfolio_queries
from customer_health.ledger.portfolio_filters import Filters

NAMES = "abcdefg"


def account(name: str, arr: float | None = 100, score: float | None = 80) -> Account:
    return Account(name, arr, score, None if score is None else "Healthy" if score > 70 else "Critical")


def test_a_holding_sums_its_subsidiaries_and_shows_the_worst_of_them() -> None:
    """Holding owns two, one of them owns a third; a stranger is not a group."""
    parents = {"holding": None, "one": "holding", "two": "holding", "deep": "two", "stranger": None}
    everybody = [
        account("holding", 50),
        account("one", 100),
        account("two", 200, 60),
        account("deep", 25, 20),
    ]
    (found,) = roll_up([*everybody, account("stranger", 999)], parents)
    assert (found.account_id, found.accounts, found.arr) == ("holding", 4, 375)
    assert found.worst is not None
    assert (found.worst.account_id, found.worst.score) == ("deep", 20)
    assert below("two", everybody, parents).arr == 225


def test_a_parent_that_is_no_customer_still_holds_its_children_together() -> None:
    (found,) = roll_up([account("one"), account("two")], {"one": "holding", "two": "holding"})
    assert (found.account_id, found.accounts, found.arr) == ("holding", 2, 200)


def test_companies_that_own_each_other_are_one_group_counted_once() -> None:
    parents = {"a": "b", "b": "c", "c": "a", "child": "b", "self": "self"}
    (found,) = roll_up([account(name) for name in parents], parents)
    assert (found.account_id, found.accounts, found.arr) == ("a", 4, 400)
    assert below("b", [account(name) for name in parents], parents).accounts == 4


def test_a_sum_with_an_unknown_part_says_so() -> None:
    (found,) = roll_up([account("top", None), account("one", 100, None)], {"one": "top"})
    assert (found.arr, found.arr_unknown) == (100, 1)
    assert found.worst is not None
    assert found.worst.account_id == "top"


@given(st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from(NAMES)), st.data())
def test_the_groups_and_those_alone_add_up_to_the_whole(
    parents: dict[str, str | None], data: st.DataObject
) -> None:
    """Whatever owns whatever, in circles or not: nobody is lost, nobody counted twice."""
    everybody = [account(name, data.draw(st.integers(0, 1000))) for name in NAMES]
    found = roll_up(everybody, parents)
    top = tops(NAMES, parents)
    grouped = [name for name in NAMES if any(one.account_id == top[name] for one in found)]
    alone = sum(one.arr or 0 for one in everybody if one.account_id not in grouped)
    assert sum(one.arr or 0 for one in found) + alone == sum(one.arr or 0 for one in everybody)
    for child, parent in parents.items():
        if parent is not None:
            assert top[child] == tops([parent], parents)[parent]


def test_a_company_in_between_that_is_no_customer_does_not_tear_its_group_apart() -> None:
    """Holding owns a shell without a contract, and the shell owns Deep; nobody above Two is a customer."""
    parents = {
        "deep": "shell",
        "shell": "holding",
        "one": "holding",
        "two": "bank",
        "bank": "trust",
        "self": "self",
    }
    assert listed_under(["holding", "one", "deep", "two", "self"], parents) == {
        "deep": "holding",
        "one": "holding",
        "two": "trust",
    }


@given(
    st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
)
def test_who_is_listed_together_is_who_belongs_together(
    parents: dict[str, str | None], customers: set[str]
) -> None:
    """Whoever has a row: the groups by what is listed are the groups by what is owned."""
    listed = listed_under(customers, parents)
    owned, shown = tops(customers, parents), tops(customers, listed)
    for one in customers:
        for other in customers:
            if shown[one] == shown[other]:
                assert owned[one] == owned[other]


def test_children_of_a_merged_parent_belong_to_its_survivor(
    tmp_path: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    ledger = new_ledger(tmp_path)
    publish(ledger, 2, {"one": 80, "two": 30, "new": 90})
    rows = (("old", None, "new"), ("new", None, None), ("one", "old", None), ("two", "new", None))
    for name, parent, into in rows:
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, parent_account_id, merged_into, occurred_at, known_at) "
            "VALUES (?, ?, ?, '2024-01-01', '2024-01-01')",
            [name, parent, into],
        )
    (found,) = groups(warehouse, ledger, morning(2).date())
    assert (found.account_id, found.accounts) == ("new", 3)
    assert found.worst is not None
    assert found.worst.account_id == "two"
    assert groups(warehouse, ledger, date(2020, 1, 1)) == []
    ledger.dispose()


def test_the_page_sums_a_company_with_everything_below_it_and_names_the_worst(tmp_path: Path) -> None:
    """Holding owns One, One owns Deep, and Deep says that it owns Holding; Deep's ARR is unknown."""
    ledger = new_ledger(tmp_path)
    parents = {"holding": "deep", "one": "holding", "deep": "one", "other": None}
    arr = {"holding": 100.0, "one": 50.0, "deep": None, "other": 7.0}
    scores = {"holding": 80, "one": 60, "deep": 20, "other": 10}
    publish(ledger, 2, {
        name: {"score": score, "score_shown": score, "parent_account_id": parents[name], "arr": arr[name],
               "currency": "EUR"}
        for name, score in scores.items()
    })  # fmt: skip
    day = morning(2).date()
    found = portfolio_queries.group_sum(ledger, "holding", day)
    assert (found["accounts"], found["arr"], found["arr_unknown"], found["currency"]) == (3, 150, 1, "EUR")
    assert found["worst"]["account_id"] == "deep"
    assert [row["account_id"] for row in portfolio_queries.below(ledger, "holding", day)] == ["deep", "one"]
    assert portfolio_queries.group_sum(ledger, "other", day)["accounts"] == 1
    assert portfolio_queries.count(ledger, day, Filters(parent="one"))[0] == 3
    ledger.dispose()
