"""The frame of every page: templates, and who the company is."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup

from customer_health import wording
from customer_health.errors import CustomerHealthError
from customer_health.html_templates import environment
from customer_health_airflow.ui.page_queries import money_known
from customer_health_airflow.ui.portfolio_request import day_in

# The navigation: address and name, in order; a template says where it is with `here`.
PAGES = (
    ("/", "Portfolio"),
    ("/actions", "Actions"),
    ("/renewals", "Renewals"),
    ("/kpis", "KPIs"),
    ("/model", "Model"),
    ("/sources", "Sources"),
    ("/reports", "Reports"),
)
TEMPLATES = Path(__file__).with_name("templates")


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Only a report's Markdown is marked safe, after its own HTML was made text.
    found = environment(TEMPLATES)
    found.filters.update(
        money=wording.money,
        percent=wording.percent,
        total=wording.total,
        change=wording.change,
        money_change=wording.money_change,
        day=partial(wording.day, absent="–"),
        moment=_moment,
        points=wording.points,
        instant=wording.moment,
        plural=lambda count, one, many=None: wording.plural(count, one, many),
        money_known=money_known,
        address=address,
        breakable=breakable,
        whole=wording.number,
    )
    found.globals["pages_of_this_app"] = PAGES
    return found


def address(value: str) -> Markup:
    """Write an e-mail address so that it wraps after its @ or the dots before, not within a name."""
    return Markup("<wbr>").join(re.split(r"(?<=@)(?=\w)|(?<=[._-])(?=\w[^@]*@)", str(value)))


def breakable(value: str) -> Markup:
    """Write the name of a signal so that it wraps after its underscores, not within a word."""
    return Markup("<wbr>").join(re.split(r"(?<=_)", str(value)))


def _moment(value: datetime | None) -> str:
    return "–" if value is None else wording.moment(value)


def base_of(request: Request) -> str:
    """Return the path under which Airflow mounted the page."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill in a template; `kept` is the query that keeps the day that the reader chose,
    `kept_too` the same behind another query."""
    day = day_in(request.query_params)
    keeping = {"kept": f"?as_of={day}", "kept_too": f"&as_of={day}"} if day else {"kept": "", "kept_too": ""}
    text = _templates().get_template(template).render(base=base_of(request), **keeping, **values)
    return HTMLResponse(text, status_code=status)


def trouble(request: Request, error: CustomerHealthError, status: int = 503) -> HTMLResponse:
    """The page that stands in for one that cannot be shown, or for an act that was refused."""
    return render(request, "trouble.html", status, company="", message=error.message, hint=error.hint)
