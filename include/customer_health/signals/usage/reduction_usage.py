"""Reduce product usage, the one large table, to blocks of days: once, and then only what is new.

Most usage arrives with one and the same delay (`lag`, usually 0 days). Those rows become sums and
bits; all others are kept one by one and applied per as-of date, so that `known_at < as_of` holds to
the row whatever the delay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customer_health.signals.kernels import BLOCK
from customer_health.signals.plan_lists import FeatureSets
from customer_health.signals.state.account_index import AccountIndex
from customer_health.signals.state.table_reader import NUMBERS
from customer_health.signals.usage.usage_blocks import Blocks, BlockStore, Features, merge
from customer_health.signals.usage.usage_history import UsageHistory
from customer_health.signals.usage.usage_scan import MAX_CELLS, Scan

LAYOUT = 2  # of the blocks; others are rebuilt
REBUILD_LATE_SHARE = 0.2  # more late rows than this: the usual delay is not what it was


def reduce_usage(
    warehouse: Any, index: AccountIndex, wanted: Sequence[FeatureSets], folder: Path | None = None
) -> UsageHistory:
    """Return the history of usage; with a folder, read only rows of loads that it does not hold yet.

    The kept blocks are rebuilt when anything but new loads changed: rows were taken away, accounts
    merged, the configured feature sets or the usual delay are others, or a file is damaged.

    Args:
        warehouse: Where raw.usage is.
        index: Numbers of the accounts; those that were known before keep theirs.
        wanted: Feature sets of the signals to be computed.
        folder: Where the blocks are kept; None keeps nothing.
    """
    sets = sorted({features for one in wanted for features in one.distinct()})
    if folder is None:
        return _build(warehouse, index, sets)
    store = BlockStore(folder)
    rows, loads = warehouse.loads("usage")
    key = _key(warehouse, index, sets)
    manifest = store.manifest() or {}
    kept = _kept(warehouse, store, manifest, sets) if _still_true(manifest, key, index, loads) else None
    if kept is not None:
        new = sorted(set(loads) - set(manifest["loads"]))
        fresh = warehouse.rows_of("usage", new) if new else 0
        if rows - fresh == manifest["rows"]:  # nothing was taken away from what the blocks hold
            if not fresh:
                return kept
            history, without_account = _append(warehouse, index, kept, new)
            if _late_share(history) <= max(REBUILD_LATE_SHARE, 2 * manifest["late_share"]):
                changed = [n for n, block in history.blocks.items() if block is not kept.blocks.get(n)]
                without_account += manifest["without_account"]
                store.write(
                    history.blocks,
                    changed,
                    _describe(history, index, key, rows, loads, without_account),
                    keep=True,
                )
                return history
    history = _build(warehouse, index, sets)
    described = _describe(history, index, key, rows, loads, warehouse.without_account)
    store.write(history.blocks, list(history.blocks), described)
    return history


def _still_true(manifest: Mapping[str, Any], key: str, index: AccountIndex, loads: Sequence[str]) -> bool:
    """Whether the kept blocks may be added to: only new loads, and perhaps new accounts, came since."""
    if manifest.get("key") != key or set(manifest["loads"]) - set(loads):
        return False
    if _names(index, manifest["accounts"]) != manifest["names"]:
        return False
    # Rows of an account that nobody knew were left out; perhaps it is known now.
    return not (manifest["without_account"] and len(index.ids) > manifest["accounts"])


def _key(warehouse: Any, index: AccountIndex, sets: Sequence[tuple[str, ...]]) -> str:
    text = json.dumps([LAYOUT, BLOCK, list(sets), index.merged, warehouse.hash_version])
    return hashlib.sha256(text.encode()).hexdigest()


def _names(index: AccountIndex, many: int) -> str:
    """Digest of the first accounts: the blocks hold positions, not names."""
    return hashlib.sha256("\n".join(index.ids[:many]).encode()).hexdigest()


def _describe(
    history: UsageHistory,
    index: AccountIndex,
    key: str,
    rows: int,
    loads: Sequence[str],
    without_account: int,
) -> dict[str, Any]:
    return {
        "key": key,
        "rows": rows,
        "loads": list(loads),
        "without_account": without_account,
        "accounts": len(index.ids),
        "names": _names(index, len(index.ids)),
        "lag": history.lag,
        "late_share": _late_share(history),
        "features": history.features.keys.tolist(),
        "first_seen": history.features.first_seen.tolist(),
    }


def _late_share(history: UsageHistory) -> float:
    late = sum(len(block.late["day"]) for block in history.blocks.values())
    cells = sum(len(block.words["word"]) for block in history.blocks.values())
    return late / max(1, late + cells)


def _features(warehouse: Any, sets: Sequence[tuple[str, ...]]) -> tuple[Features, list[Any]]:
    names = sorted({name for features in sets for name in features})
    keys = warehouse.hashes(names)
    features = Features(keys, np.full(len(keys), 2**30, dtype=np.int64))
    return features, [np.flatnonzero(np.isin(names, one)) for one in sets]


def _kept(
    warehouse: Any, store: BlockStore, manifest: Mapping[str, Any], sets: Sequence[tuple[str, ...]]
) -> UsageHistory | None:
    _, bits = _features(warehouse, sets)
    features = Features(
        np.array(manifest["features"], dtype=np.int64), np.array(manifest["first_seen"], dtype=np.int64)
    )
    try:
        return UsageHistory(store.read(manifest["blocks"]), features, sets, bits, int(manifest["lag"]))
    except (OSError, ValueError):  # damaged: raw is the truth
        return None


def _build(warehouse: Any, index: AccountIndex, sets: Sequence[tuple[str, ...]]) -> UsageHistory:
    features, bits = _features(warehouse, sets)
    history = UsageHistory({}, features, sets, bits, warehouse.usual_lag())
    warehouse.without_account = _read(warehouse, index, history, None)
    return history


def _append(
    warehouse: Any, index: AccountIndex, kept: UsageHistory, loads: Sequence[str]
) -> tuple[UsageHistory, int]:
    features = Features(kept.features.keys.copy(), kept.features.first_seen.copy())
    history = UsageHistory(dict(kept.blocks), features, kept.sets, kept.bits, kept.lag)
    without_account = _read(warehouse, index, history, loads)
    return history, without_account


def _read(warehouse: Any, index: AccountIndex, history: UsageHistory, loads: Sequence[str] | None) -> int:
    """Merge the rows of some loads (None: of all) into the history; returns rows of unknown accounts."""
    if not warehouse.streams:
        from customer_health.signals.usage.usage_groups import grouped_blocks

        history.blocks = merge(history.blocks, grouped_blocks(warehouse, index, history, loads))
        without_account = warehouse.raw("usage", loads).anti_join(warehouse.kept(NUMBERS), "account_id")
        return int(warehouse.fetch(without_account.aggregate(n=without_account.count()))["n"][0])
    span = warehouse.usage_days(loads)
    if span is None:
        return 0
    first, last = span[0] // BLOCK, span[1] // BLOCK
    count = len(index.ids)
    step = max(1, MAX_CELLS // (BLOCK * max(1, count)))
    names = list(index.code_of)
    accounts = (warehouse.hashes(names), np.array(list(index.code_of.values()), dtype=np.int64))
    sets = [history.features.keys[bits] for bits in history.bits]
    without_account = 0
    for begin in range(first, last + 1, step):
        blocks = min(step, last + 1 - begin)
        scan = Scan(accounts, count, history.features, sets, begin, blocks, history.lag, warehouse.unnamed())
        whole = begin == first and begin + blocks > last
        days = None if whole else (begin * BLOCK, (begin + blocks) * BLOCK - 1)
        for batch in warehouse.scan_usage(loads, days):
            scan.add(batch)
        without_account += int(scan.counts[3])
        read: Blocks = scan.result(span)
        history.blocks = merge(history.blocks, read)
    return without_account
