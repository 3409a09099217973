"""The one file that Airflow's plugin loader runs: it registers the Customer Health page.

Nothing heavy may happen here. The loader runs it in every Airflow process, twice, and only the API
server needs the page.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class _LazyApps:
    """Builds the web page when the API server asks for it, so that workers never import FastAPI code."""

    def __get__(self, instance: object, owner: type | None = None) -> list[dict[str, Any]]:
        from customer_health_airflow.ui.app import create_app

        return [{"app": create_app(), "url_prefix": "/customer-health", "name": "Customer Health"}]


class CustomerHealthPlugin(AirflowPlugin):
    """A page of its own tab, not an iframe: Airflow's frame lets no link lead out of it."""

    name = "customer_health"
    fastapi_apps = _LazyApps()
    external_views = [  # noqa: RUF012 - AirflowPlugin declares it so
        {"name": "Health", "href": "customer-health/", "destination": "nav", "nav_top_level": True},
        {
            "name": "Health summary",
            "href": "customer-health/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "health-summary",
        },
    ]
