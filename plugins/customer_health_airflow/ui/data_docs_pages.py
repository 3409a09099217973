"""Great Expectations' Data Docs of a day in the browser: their words and tables, without their scripts.

As they are, Data Docs load styles and scripts from content networks, which the page's policy forbids. So each
page is read out of the archive, reduced by a sanitizer to text, tables and links within the archive, and
shown as a page of ours. Their start page is built by scripts; ours lists what the archive holds. The archive
itself is still there to download.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from customer_health.settings import load_settings
from customer_health.storage import read
from customer_health.warehouse.data_docs import ARCHIVE
from customer_health_airflow.ui import report_files, shell
from customer_health_airflow.ui.markdown_pages import FRAME

router = APIRouter(default_response_class=HTMLResponse)
MOST_BYTES = 5_000_000  # of one page; the largest seen has 0.1 MB
_TAGS = frozenset((
    "a", "b", "blockquote", "br", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "li", "ol", "p", "pre", "small", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
))  # fmt: skip
_WITH_CONTENT = frozenset(("script", "style", "title", "nav", "footer", "template"))
_NO_HEAD = re.compile(r"<thead>\s*<tr>(?:\s*<th[^>]*>\s*</th>)*\s*</tr>\s*</thead>")
_TAG = re.compile(r"<[^>]*>")
_FAILED = re.compile(r"Status:\s*Failed")


@router.get("/data-docs/{day}")
def start(request: Request, day: date) -> HTMLResponse:
    """List the validations and the suites of a day's archive."""
    with _archive(day) as archive:
        pages = sorted(name for name in archive.namelist() if name.endswith(".html") and "/" in name)
        validations = [
            {"address": name, "name": _called(name), "failed": bool(_FAILED.search(_words(archive, name)))}
            for name in pages
            if name.startswith("validations/")
        ]
    suites = [
        {"address": name, "name": _called(name), "failed": False}
        for name in pages
        if name.startswith("expectations/")
    ]
    return shell.render(
        request,
        "data_docs.html",
        company=load_settings().config.name,
        day=day,
        validations=sorted(validations, key=lambda one: (not one["failed"], one["name"])),
        suites=suites,
        archive=f"reports/{day}/{ARCHIVE}",
    )


@router.get("/data-docs/{day}/{name:path}")
def page(request: Request, day: date, name: str) -> HTMLResponse:
    """Show one page of the archive; their own start page is ours."""
    if name in ("", "index.html"):
        return start(request, day)
    with _archive(day) as archive:
        html = _clean(_raw(archive, name))
    title = f"{'Suite' if name.startswith('expectations/') else 'Validation'} {_called(name)}"
    return shell.render(
        request,
        "data_docs_page.html",
        company=load_settings().config.name,
        day=day,
        title=title,
        html=html,
    )


def _archive(day: date) -> zipfile.ZipFile:
    path = report_files.safe_path(load_settings(), f"reports/{day}/{ARCHIVE}")
    if path is None:
        raise HTTPException(404, f"There are no Data Docs of {day}: not written, or let go after retention.")
    try:
        return zipfile.ZipFile(io.BytesIO(read(path)))
    except zipfile.BadZipFile:
        raise HTTPException(
            404, f"The archive of Data Docs of {day} is damaged: run the gate again."
        ) from None


def _raw(archive: zipfile.ZipFile, name: str) -> str:
    """Return a page as it lies in the archive: a name that is not in its list leads nowhere."""
    if not name.endswith(".html") or name not in archive.namelist():
        raise HTTPException(404, "The archive of Data Docs holds no such page.")
    if archive.getinfo(name).file_size > MOST_BYTES:
        raise HTTPException(404, "This page is too large to be shown: download the archive.")
    return archive.read(name).decode("utf-8", errors="replace")


def _clean(html: str) -> str:
    """Return the words, tables and links of a page, under headings that stand below ours."""
    import nh3

    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes={"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
        attribute_filter=_within,
        url_schemes={"https"},
    )
    clean = re.sub(r"<(/?)h([4-6])>", lambda found: f"<{found[1]}h{int(found[2]) - 2}>", clean)
    clean = _NO_HEAD.sub("", clean)
    return clean.replace("<table>", f"{FRAME}<table>").replace("</table>", "</table></div>")


def _within(tag: str, attribute: str, value: str) -> str | None:
    """Keep links to other pages of the archive; what needs a script to open stands open already."""
    inside = re.fullmatch(r"(?:\.\./)*[\w-][\w.-]*(?:/[\w.-]+)*\.html", value)
    return value if (tag, attribute) != ("a", "href") or inside else None


def _words(archive: zipfile.ZipFile, name: str) -> str:
    return " ".join(_TAG.sub(" ", _raw(archive, name)).split())


def _called(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".html")
