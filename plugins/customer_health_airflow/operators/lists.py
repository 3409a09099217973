"""What the chain maps over. Asked when a run starts, so that a new source needs no change here."""

from __future__ import annotations

from airflow.sdk import task


@task
def list_sources() -> list[str]:
    """Name every source of this company."""
    from customer_health.pipeline import sources
    from customer_health.settings import load_settings

    return sources(load_settings())


@task
def list_destinations() -> list[str]:
    """Name every destination that playbooks may address."""
    from customer_health.pipeline import destinations
    from customer_health.settings import load_settings

    return destinations(load_settings())
