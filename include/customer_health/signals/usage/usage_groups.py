"""Reduce usage by queries alone: the portable way, for every warehouse that Ibis compiles for.

The warehouse groups; what comes back is as small as the blocks themselves. It gives the same blocks
as the scan, up to the hashes that stand for users and features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import BLOCK
from customer_health.signals.state.account_index import AccountIndex
from customer_health.signals.state.daily_state import Columns
from customer_health.signals.state.table_reader import NUMBERS
from customer_health.signals.usage.usage_blocks import Blocks, UsageBlock
from customer_health.signals.usage.usage_history import UsageHistory

Array = NDArray[Any]


def grouped_blocks(
    warehouse: Any, index: AccountIndex, history: UsageHistory, loads: Sequence[str] | None
) -> Blocks:
    """Return the rows of some loads (None: of all) as blocks; new features get their bits."""
    ibis = warehouse.ibis
    raw = warehouse.raw("usage", loads)
    raw = raw.filter(raw.events > 0)  # rows of no events are no activity, here as in `Warehouse.scan_usage`
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
    names = _number_features(warehouse, rows, history)
    members = _members(history)
    tagged = _tag(warehouse, rows, history, names, members)
    regular = tagged.filter(tagged.seen - tagged.day == history.lag)
    late = tagged.filter(tagged.seen - tagged.day != history.lag)
    cells = _cells(warehouse, regular, len(history.sets), history.features.words)
    bits = regular.filter(regular.user_id != "").mutate(block=_block(regular.day))
    words: Columns = warehouse.fetch(
        bits.group_by("account", "user_id", "block").agg(
            word=warehouse.bit_or(_one(ibis) << (bits.day - bits.block * BLOCK).cast("int32"))
        )
    )
    rest: Columns = warehouse.fetch(
        late.group_by("account", "user_id", "day", "seen", "bit").agg(events=late.events.sum())
    )
    return _blocks(warehouse, cells, words, rest, members)


def _one(ibis: Any) -> Any:
    """A 64-bit 1: a bare literal would be a 32-bit one in DuckDB, which refuses to shift it far."""
    return ibis.literal(1, "int8").cast("int64")


def _block(day: Any) -> Any:
    return (day / BLOCK).floor().cast("int32")


def _number_features(warehouse: Any, rows: Any, history: UsageHistory) -> list[str]:
    """Give bits to features that have none yet; returns all names met in these rows."""
    found = warehouse.fetch(rows.group_by("feature").agg(first_seen=rows.seen.min()))
    names = [str(name) for name in found["feature"]]
    order = sorted(range(len(names)), key=lambda i: (found["first_seen"][i], names[i]))
    keys, seen = warehouse.hashes(names), history.features.first_seen
    place = {int(key): bit for bit, key in enumerate(history.features.keys)}
    added, days = [], []
    for i in order:
        key = int(keys[i])
        if key in place:
            seen[place[key]] = min(seen[place[key]], found["first_seen"][i])
        else:
            place[key] = len(place)
            added.append(key)
            days.append(int(found["first_seen"][i]))
    history.features.keys = np.concatenate([history.features.keys, np.array(added, dtype=np.int64)])
    history.features.first_seen = np.concatenate([seen, np.array(days, dtype=np.int64)])
    return names


def _members(history: UsageHistory) -> Array:
    members = np.zeros((len(history.sets), max(1, len(history.features.keys))), dtype=bool)
    for number, bits in enumerate(history.bits):
        members[number, bits] = True
    return members


def _tag(warehouse: Any, rows: Any, history: UsageHistory, names: list[str], members: Array) -> Any:
    """Add each row's feature bit and its membership in every set."""
    import pyarrow as pa

    place = {int(key): bit for bit, key in enumerate(history.features.keys)}
    bits = np.array([place[int(key)] for key in warehouse.hashes(names)], dtype=np.int32)
    columns = {"feature": pa.array(names, pa.string()), "bit": pa.array(bits, pa.int32())}
    for number in range(len(members)):
        columns[f"in{number}"] = pa.array(members[number, bits], pa.bool_())
    return rows.join(warehouse.keep("features", pa.table(columns)), "feature")


def _cells(warehouse: Any, regular: Any, sets: int, masks: int) -> Columns:
    ibis = warehouse.ibis
    one = _one(ibis)
    measures = {"sum0": regular.events.sum()}
    for number in range(sets):
        inside = regular[f"in{number}"].ifelse(regular.events, ibis.literal(0.0, "float64"))
        measures[f"sum{number + 1}"] = inside.sum()
    for number in range(masks):
        inside = (regular.bit >= number * BLOCK) & (regular.bit < (number + 1) * BLOCK)
        shift = inside.ifelse(regular.bit - number * BLOCK, 0).cast("int32")
        bit = inside.ifelse(one << shift, ibis.literal(0, "int64"))
        measures[f"mask{number}"] = warehouse.bit_or(bit)
    rows: Columns = warehouse.fetch(
        regular.group_by("account", "day").agg(**measures).order_by("account", "day")
    )
    return rows


def _blocks(warehouse: Any, cells: Columns, words: Columns, rest: Columns, members: Array) -> Blocks:
    keys = warehouse.hashes([str(user) for user in words["user_id"]])
    late_keys = warehouse.hashes([str(user) for user in rest["user_id"]])
    late_keys = np.where(rest["user_id"].astype(str) == "", 0, late_keys)
    late = np.stack([rest["account"], late_keys, rest["day"], rest["seen"], rest["bit"]]).astype(np.int64)
    order = np.lexsort((keys, words["account"]))
    sums = np.column_stack([cells[f"sum{i}"] for i in range(1 + len(members))])
    masks = np.column_stack([cells[name] for name in cells if name.startswith("mask")])
    cell_block, late_block = cells["day"] // BLOCK, late[2] // BLOCK
    out: Blocks = {}
    for number in sorted({*cell_block.tolist(), *late_block.tolist()}):
        at, mine = np.flatnonzero(cell_block == number), np.flatnonzero(late_block == number)
        active = order[words["block"][order] == number]
        out[int(number)] = UsageBlock.of(
            account=cells["account"][at].astype(np.int32), day=cells["day"][at].astype(np.int32),
            sums=sums[at], masks=masks[at], user_account=words["account"][active].astype(np.int32),
            user_key=keys[active], word=words["word"][active], late=late[:, mine],
            late_events=rest["events"][mine], members=members,
        )  # fmt: skip
    return out
