"""Names that both sides need: the DAGs, and the local stack, which imports no Airflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from customer_health.company import DestinationsConfig

# One slot on DuckDB: while one process has the file open for writing, nobody else can even read it.
# The local stack and the compose file create it; on another warehouse give it as many slots as
# that warehouse should serve at a time.
WAREHOUSE_POOL = "warehouse"
# A pool makes tasks take turns; it does not bring them to one machine. The embedded warehouse, landed files,
# the kept state, models and reports lie on one volume, so a task that reads or writes them asks for the queue
# that only the worker with that volume serves. All other tasks run on any worker of any host.
WAREHOUSE_QUEUE = "warehouse"
DEFAULT_QUEUE = "default"
ON_THE_WAREHOUSE: dict[str, Any] = {"pool": WAREHOUSE_POOL, "queue": WAREHOUSE_QUEUE}

# The DAGs that work on a day, in their order.
DAY_CHAIN = (
    *("ingest_sources", "build_signals", "score_accounts", "run_playbooks", "deliver_effects"),
    *("train_model", "report_kpis"),
)

# Vendors that are asked at the same time; each keeps to its own rate limit.
SOURCES_POOL = "sources"

# What playbooks may address. The roles are fixed; the company file says what stands behind each.
DESTINATIONS = tuple(sorted(DestinationsConfig.model_fields))


def delivery_pool(destination: str) -> str:
    """Return the pool of a destination: the day's delivery and the hourly tick take turns there."""
    return f"deliver_{destination}"


# One slot: runs of several days must not ask a text provider beside each other, for its rate limit's sake.
TEXT_POOL = "text_provider"

POOLS = {
    SOURCES_POOL: "Vendors that are asked at the same time; asking needs no warehouse",
    WAREHOUSE_POOL: "DuckDB lets one process in at a time; give another warehouse as many slots as it serves",
    TEXT_POOL: "One run at a time asks the text provider, so that its rate limit is kept",
    **{
        delivery_pool(name): f"One delivery to {name} at a time, so that its rate limit is kept"
        for name in DESTINATIONS
    },
}


def asking_queue(environment: Mapping[str, str] = os.environ) -> str:
    """Return the queue of those who ask vendors: any worker, where answers land at an address for all."""
    landing = environment.get("CUSTOMER_HEALTH_LANDING", "")
    shared = "://" in landing and not landing.startswith(("file://", "memory://"))
    return DEFAULT_QUEUE if shared else WAREHOUSE_QUEUE
