"""The page of data contracts says what the declarations say."""

from __future__ import annotations

from pathlib import Path

from customer_health.warehouse.contract_docs import contracts_page

PAGE = Path(__file__).parents[2] / "docs" / "data_contracts.md"


def test_the_page_in_docs_is_the_one_that_the_contracts_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == contracts_page(), "run: python -m customer_health docs"
