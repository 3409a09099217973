"""Create the pools that tasks name: `python -m customer_health_airflow.pools`, whenever containers start.

A pool that exists is left alone, because an operator may have given it more slots. Needs Airflow's
database, so it runs in the container that migrates, not in a task.
"""

from __future__ import annotations

from customer_health_airflow.dag_names import POOLS


def create_missing_pools() -> list[str]:
    """Create with one slot each what is not there yet; return the names of those that were created."""
    from airflow.models.pool import Pool

    there = {pool.pool for pool in Pool.get_pools()}
    missing = [name for name in POOLS if name not in there]
    for name in missing:
        Pool.create_or_update_pool(name, slots=1, description=POOLS[name], include_deferred=False)
    return missing


if __name__ == "__main__":
    made = create_missing_pools()
    print(f"Pools created: {', '.join(made) or 'none, all were there'}")
