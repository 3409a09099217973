"""Buttons on a task: the page that the task wrote, served by the Customer Health page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from customer_health.settings import Settings


class PageLink(BaseOperatorLink):
    """Opens what the operator left in `page`.

    Airflow asks for the link in the worker after the task has run, so the operator itself is the
    messenger; the address is then stored with the task instance.
    """

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        page = getattr(operator, "page", "")
        return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{page}" if page else ""


class GateReportLink(PageLink):
    """The data gate's report of this day."""

    name = "Data gate report"


class DataDocsLink(PageLink):
    """Great Expectations' Data Docs of this day, as pages of ours; the archive is beside the gate's."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        page = super().get_link(operator, ti_key=ti_key)
        folder = page.rpartition("/")[0].replace("/files/reports/", "/data-docs/")
        return folder if page else ""


class ModelCardLink(PageLink):
    """The card of the model that this task trained."""

    name = "Model card"


class KpiReportLink(PageLink):
    """The KPI report of this day."""

    name = "KPI report"


class ValueOfDataLink(PageLink):
    """What each source and signal is worth."""

    name = "Value of data"


class DayLink(PageLink):
    """What the day's run scored, decided and sent: its dispatch log."""

    name = "Dispatch log of this day"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        day = getattr(operator, "day", None)
        base = conf.get("api", "base_url", fallback="").rstrip("/")
        return f"{base}/customer-health/day/{day.isoformat()}" if day else ""


class RecordLink(BaseOperatorLink):
    """The newest record that this task wrote, in the vendor's own pages (the CRM's task, for one)."""

    name = "Newest record there"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return str(getattr(operator, "record", ""))


class ScoreboardLink(PageLink):
    """How the published predictions fared."""

    name = "Prediction scoreboard"


def page_of(report: Path | None, settings: Settings) -> str:
    """Return the page's path for a report, or nothing where it lies in no folder that is served."""
    if report is None:
        return ""
    for kind, folder in settings.served.items():
        if type(report) is type(folder) and report.resolve().is_relative_to(folder.resolve()):
            name = report.resolve().relative_to(folder.resolve()).as_posix()
            return f"/customer-health/files/{kind}/{name}"
    return ""
