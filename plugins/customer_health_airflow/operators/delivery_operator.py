"""One delivery task per destination, each in the pool of its destination."""

from __future__ import annotations

from airflow.sdk import TaskGroup

from customer_health_airflow.dag_names import DESTINATIONS, delivery_pool
from customer_health_airflow.operators.step_operators import AuditDeliveriesOperator, DeliverEffectsOperator


def deliver_to_each() -> TaskGroup:
    """Return a group with one task per destination; one that is down holds up nobody else.

    They are written out instead of mapped: every index of a mapped task shares one pool.
    """
    with TaskGroup("deliver", tooltip="One task per destination") as group:
        for name in DESTINATIONS:
            DeliverEffectsOperator(task_id=name, destination=name, pool=delivery_pool(name))
    return group


def audit_each() -> TaskGroup:
    """Return a group with one audit per destination, in turn with its deliveries."""
    with TaskGroup("audit", tooltip="One task per destination") as group:
        for name in DESTINATIONS:
            AuditDeliveriesOperator(task_id=name, destination=name, pool=delivery_pool(name))
    return group
