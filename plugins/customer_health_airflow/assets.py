"""The assets that chain the DAGs: the only place that knows their names.

Every event carries its as-of date as the partition key (2026-11-19), and every DAG listens to
exactly one asset. Two partitioned assets on one consumer can lose runs for good: two events that
are registered at the same moment each open a half-filled request, and neither is ever complete
(apache/airflow#71070).
"""

from __future__ import annotations

from airflow.sdk import Asset

GROUP = "customer-health"

RAW = Asset(name="health_raw", uri="health://warehouse/raw", group=GROUP)
SIGNALS = Asset(name="health_signals", uri="health://warehouse/signals", group=GROUP)
SCORES = Asset(name="health_scores", uri="health://ledger/scores", group=GROUP)
ACTIONS = Asset(name="health_actions", uri="health://ledger/actions", group=GROUP)

# Requests rather than data: emitted only on the days that call for a training or a report. A
# RollupMapper over the week's daily keys would be the built-in way, but it needs every day of the
# week: one lost day and it never fires, and a relaxed wait policy leaves a second request for the
# days after the first one, unsatisfied for ever, at the head of the scheduler's queue.
TRAINING_DUE = Asset(name="health_training_due", uri="health://requests/training", group=GROUP)
REPORT_DUE = Asset(name="health_report_due", uri="health://requests/kpi-report", group=GROUP)
