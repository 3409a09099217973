"""Reduce product usage, the one large table, to sums and bits per account, user and day.

Most usage arrives with one and the same delay (`lag`, usually 0 days). Those rows become the
regular state; all others are kept one by one in a late table and applied per as-of date, so that
`known_at < as_of` holds to the row whatever the delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.accounts import AccountIndex
from customer_health.signals.kernels import BLOCK, daily_users
from customer_health.signals.plans import FeatureSets
from customer_health.signals.state import NEVER, Columns, State
from customer_health.signals.warehouse_tables import NUMBERS

MAX_FEATURES = 4 * BLOCK  # of those that no setting names, the first ones ever seen
Array = NDArray[Any]


def sum_name(features: tuple[str, ...] | None) -> str:
    """State column with the events of these features; None is all of them."""
    return "sum:*" if features is None else "sum:" + "|".join(features)


def reduce_usage(warehouse: Any, index: AccountIndex, state: State, wanted: Sequence[FeatureSets]) -> None:
    """Fill the state's usage tables.

    usage: account, day, `sum:<features>`, users (active that day), mask0.. (bit per feature); rows
        sorted by account and day; `offset` has one entry more than there are accounts.
    usage_users: account per user. usage_words: offset per user, block, word (bit per active day).
    usage_late: account, user (-1 if unnamed), day, seen, bit, sums; sorted by account.
    usage_features: first_seen per feature bit; names in meta["features"].
    """
    ibis = warehouse.ibis
    raw = warehouse.raw("usage")
    joined = raw.join(warehouse.kept(NUMBERS), "account_id")
    day = joined.occurred_at.cast("date").epoch_days().cast("int32")
    known = joined.known_at.date().epoch_days().cast("int32")
    rows = joined.select(
        account=joined.account,
        user_id=joined.user_id.fill_null(""),
        feature=joined.feature,
        events=joined.events.cast("float64"),
        day=day,
        seen=ibis.greatest(day, known),
    )
    sets = sorted({features for one in wanted for features in one.distinct()})
    features, lag = _survey(warehouse, rows, sets)
    state.meta["features"], state.meta["lag"] = list(features), lag
    state.tables["usage_features"] = {"first_seen": np.array(list(features.values()), dtype=np.int32)}
    words = max(1, -(-min(len(features), MAX_FEATURES) // BLOCK))
    tagged = _tag(warehouse, rows, list(features), sets)
    regular = tagged.filter(tagged.seen - tagged.day == lag)
    late = tagged.filter(tagged.seen - tagged.day != lag)

    usage = _per_day(warehouse, regular, sets, words)
    usage["offset"] = np.searchsorted(usage["account"], np.arange(len(index.ids) + 1)).astype(np.int64)
    bits = regular.filter(regular.user_id != "").mutate(block=_block(regular.day))
    active: Columns = warehouse.fetch(
        bits.group_by("account", "user_id", "block").agg(
            word=(_one(ibis) << (bits.day - bits.block * BLOCK).cast("int64")).bit_or()
        )
    )
    rest: Columns = warehouse.fetch(
        late.group_by("account", "user_id", "day", "seen", "bit").agg(
            **{sum_name(None): late.events.sum()},
            **{sum_name(s): late.events.sum(where=late[f"in{i}"]).fill_null(0.0) for i, s in enumerate(sets)},
        )
    )
    _number_users(state, active, rest, len(index.ids))
    users, words_table = state.tables["usage_users"], state.tables["usage_words"]
    usage["users"] = daily_users(
        usage["offset"], usage["day"], users["account"],
        words_table["offset"], words_table["block"], words_table["word"],
    )  # fmt: skip
    state.tables["usage"] = usage


def _one(ibis: Any) -> Any:
    """A 64-bit 1: a bare literal would be a 32-bit one in DuckDB, which refuses to shift it far."""
    return ibis.literal(1, "int8").cast("int64")


def _block(day: Any) -> Any:
    return (day / BLOCK).floor().cast("int32")


def _survey(warehouse: Any, rows: Any, sets: Sequence[tuple[str, ...]]) -> tuple[dict[str, int], int]:
    """Return the day each feature was first seen, in the order of their bits, and the usual lag."""
    delayed = rows.mutate(lag=rows.seen - rows.day)
    found = warehouse.fetch(
        delayed.group_by("feature", "lag").agg(first_seen=delayed.seen.min(), many=delayed.count())
    )
    first: dict[str, int] = {}
    lags: dict[int, int] = {}
    for name, lag, seen, many in zip(
        found["feature"], found["lag"], found["first_seen"], found["many"], strict=True
    ):
        first[str(name)] = min(int(seen), first.get(str(name), NEVER))
        lags[int(lag)] = lags.get(int(lag), 0) + int(many)
    configured = sorted({name for features in sets for name in features})
    ordered = configured + sorted(first.keys() - set(configured), key=lambda name: (first[name], name))
    usual = min(lags, key=lambda lag: (-lags[lag], lag)) if lags else 0
    return {name: first.get(name, NEVER) for name in ordered}, usual


def _tag(warehouse: Any, rows: Any, features: list[str], sets: Sequence[tuple[str, ...]]) -> Any:
    """Add each row's feature bit (-1 beyond the limit) and its membership in every set."""
    import pyarrow as pa

    columns = {
        "feature": pa.array(features, pa.string()),
        "bit": pa.array([i if i < MAX_FEATURES else -1 for i in range(len(features))], pa.int32()),
    }
    for number, chosen in enumerate(sets):
        columns[f"in{number}"] = pa.array([name in set(chosen) for name in features], pa.bool_())
    return rows.join(warehouse.keep("features", pa.table(columns)), "feature")


def _per_day(warehouse: Any, regular: Any, sets: Sequence[tuple[str, ...]], words: int) -> Columns:
    ibis = warehouse.ibis
    one = _one(ibis)
    measures = {"all": regular.events.sum()}
    for number in range(len(sets)):
        measures[f"set{number}"] = regular.events.sum(where=regular[f"in{number}"]).fill_null(0.0)
    for number in range(words):
        inside = (regular.bit >= number * BLOCK) & (regular.bit < (number + 1) * BLOCK)
        shift = inside.ifelse(regular.bit - number * BLOCK, 0).cast("int64")
        measures[f"mask{number}"] = inside.ifelse(one << shift, ibis.literal(0, "int64")).bit_or()
    rows: Columns = warehouse.fetch(
        regular.group_by("account", "day").agg(**measures).order_by("account", "day")
    )
    rows[sum_name(None)] = rows.pop("all")
    for number, chosen in enumerate(sets):
        rows[sum_name(chosen)] = rows.pop(f"set{number}")
    return rows


def _number_users(state: State, active: Columns, rest: Columns, accounts: int) -> None:
    """Replace user ids by numbers in order of account, and lay words and late rows out by them."""
    import pyarrow as pa

    ids = pa.array(np.concatenate([active.pop("user_id"), rest.pop("user_id")]), pa.string())
    coded = ids.dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)
    many = max(1, len(coded.dictionary))
    texts = coded.dictionary.to_pylist()
    unnamed = texts.index("") if "" in texts else -1
    account = np.concatenate([active["account"], rest["account"]]).astype(np.int64)
    pair = account * many + codes
    named = codes != unnamed
    users, number = np.unique(pair[named], return_inverse=True)
    user = np.full(len(pair), -1, dtype=np.int64)
    user[named] = number
    cut = len(active["account"])
    state.tables["usage_users"] = {"account": (users // many).astype(np.int32)}

    order = np.lexsort((active["block"], user[:cut]))
    state.tables["usage_words"] = {
        "block": active["block"][order],
        "word": active["word"][order],
        "offset": np.searchsorted(user[:cut][order], np.arange(len(users) + 1)).astype(np.int64),
    }
    rest["user"] = user[cut:]
    order = np.lexsort((rest["bit"], rest["seen"], rest["day"], rest["user"], rest["account"]))
    late = {name: values[order] for name, values in rest.items()}
    late["offset"] = np.searchsorted(late["account"], np.arange(accounts + 1)).astype(np.int64)
    state.tables["usage_late"] = late
