"""Usage rows to Parquet, week by week: never more than a few weeks in memory."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator.licences import Licences
from customer_health.simulator.parquet_writer import arrow_schema, write_arrow
from customer_health.simulator.product import FEATURES
from customer_health.simulator.product_usage import UsageRows, draw_week
from customer_health.simulator.world import MOST_SPONSORS, World
from customer_health.warehouse.tables import USAGE

if TYPE_CHECKING:
    import pyarrow as pa

_LATEST_WEEKS = 4  # the latest batch arrives in the fourth week after the one it tells of


class UsageFeed:
    """The product's telemetry, as files by the day on which it arrived."""

    def __init__(self, world: World, book: Licences) -> None:
        self._world = world
        self._book = book
        self._weeks: OrderedDict[int, UsageRows] = OrderedDict()
        self._seats = int(book.seats.max())

    def _week(self, week: int) -> UsageRows:
        if week not in self._weeks:
            self._weeks[week] = draw_week(self._world, self._book, week)
            while len(self._weeks) > _LATEST_WEEKS + 6:
                self._weeks.popitem(last=False)
        return self._weeks[week]

    def rows(self, since: date, until: date) -> UsageRows:
        """Return the rows that arrived in [since, until), in order of account and day."""
        begin, end = ((day - self._world.start).days * 86_400 for day in (since, until))
        first = max(0, self._world.week_of(since) - _LATEST_WEEKS)
        last = self._world.week_of(until - timedelta(days=1))
        parts = [
            rows.select((rows.known >= begin) & (rows.known < end))
            for rows in map(self._week, range(first, last + 1))
        ]
        joined = UsageRows(
            *(np.concatenate(values) for values in zip(*(vars(p).values() for p in parts), strict=True))
        )
        return joined.select(np.lexsort((joined.day, joined.account)))

    def write(self, path: Path, since: date, until: date) -> int:
        """Write the rows that arrived in [since, until); return how many."""
        rows = self.rows(since, until)
        write_arrow(path, self._arrow(rows))
        return len(rows.account)

    def _arrow(self, rows: UsageRows) -> pa.Table:
        import pyarrow as pa

        epoch = np.datetime64(self._world.start, "D")
        ids = self._world.account_ids
        width = MOST_SPONSORS + self._seats
        users = rows.account.astype(np.int64) * width + np.where(
            rows.person < 0, -1 - rows.person, MOST_SPONSORS + rows.person
        )
        distinct, user = np.unique(users, return_inverse=True)
        who, place = np.divmod(distinct, width)
        words = [
            f"{ids[a]}-x{p}" if p < MOST_SPONSORS else f"{ids[a]}-u{p - MOST_SPONSORS:03d}"
            for a, p in zip(who.tolist(), place.tolist(), strict=True)
        ]

        def coded(index: NDArray[Any], values: list[str]) -> pa.DictionaryArray:
            return pa.DictionaryArray.from_arrays(index.astype(np.int32), pa.array(values, pa.string()))

        columns = {
            "account_id": coded(rows.account, ids),
            "user_id": coded(user, words),
            "feature": coded(rows.feature, list(FEATURES)),
            "events": rows.events.astype(np.float64),
            "occurred_at": (epoch + rows.day).astype("datetime64[D]"),
            "known_at": (epoch.astype("datetime64[s]") + rows.known).astype("datetime64[us]"),
        }
        return pa.table({field.name: columns[field.name] for field in arrow_schema(USAGE)})
