"""How tasks behave when something goes wrong, and what they share; declared once for all DAGs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from customer_health_airflow.failure_notice import tell_the_data_team

OWNER = "customer-health"
TAGS = ("customer-health",)

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="customer_health_airflow.task_stop.NeedsAPerson",
            action=RetryAction.FAIL,
            reason="Trying again cannot help: code, configuration or data must change first.",
        ),
        RetryRule(
            exception="customer_health_airflow.task_stop.TryAgainLater",
            action=RetryAction.RETRY,
            reason="The same call may work later.",
        ),
        # A mistake in the code fails the same way every time; the log has its trace.
        RetryRule(
            exception=[
                "builtins.TypeError",
                "builtins.AttributeError",
                "builtins.NameError",
                "builtins.ImportError",
                "builtins.AssertionError",
                "builtins.NotImplementedError",
            ],
            action=RetryAction.FAIL,
            reason="This is a mistake in the code, see the trace.",
        ),
    ]
)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    # 1 + 2 + 4 + 8 + 16 minutes: an outage of half an hour costs no night. Under load the execution
    # API itself times out now and then, and that burns a try before the step has begun.
    "retries": 5,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=20),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(hours=3),
    # After the last try: nobody should have to look at a page to learn that the night failed.
    "on_failure_callback": tell_the_data_team,
}
