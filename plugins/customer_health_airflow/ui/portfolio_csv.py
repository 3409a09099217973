"""Accounts as CSV that a spreadsheet opens and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from customer_health.csv_cells import harmless

COLUMNS = (
    *("account_id", "name", "as_of", "score_shown", "score_before", "tier", "band", "state", "why"),
    *("review", "lifecycle_score", "meaning"),
    *("facts", "arr", "currency", "expected_loss", "renewal_date", "segment", "owner_email"),
    *("manager_email", "parent_account_id", "model_id"),
)


def written(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows as CSV with a header; the byte order mark makes Excel read UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for row in rows:
        titles = "; ".join(title for _, title in row["fact_titles"])
        values = {**row, "facts": titles}
        writer.writerow([safe_cell(values[name]) for name in COLUMNS])
    return "\ufeff" + out.getvalue()


def safe_cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: text that looks like one gets an apostrophe."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return harmless(str(value))
