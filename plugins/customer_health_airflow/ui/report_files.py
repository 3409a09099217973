"""Reports, model cards and previews, served from their folders (or addresses) and from nowhere else."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from customer_health.address_faults import asking, is_local
from customer_health.settings import Settings, load_settings
from customer_health.storage import files_below, read
from customer_health_airflow.ui import shell
from customer_health_airflow.ui.markdown_pages import html_of

router = APIRouter()

# What may be opened, and as what. Text formats are shown as text, whatever they contain.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/html; charset=utf-8",  # rendered by us
    ".txt": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".zip": "application/zip",  # to be saved, never shown
}
# A report is a document of its own: `sandbox` takes it off this site's origin, so nothing in it could
# read the session even if it ran.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"


def safe_path(settings: Settings, address: str) -> Path | None:
    """Return the file behind an address such as `reports/gate_2026-11-19.html`, or None.

    Symbolic links and `..` are resolved first; the result must lie inside the folder it names, be a
    file, and have a known type. At an address nothing is resolved, so `..` is refused.

    Raises:
        StorageUnavailableError: The store at an address did not answer.
    """
    kind, _, rest = address.partition("/")
    folder = settings.served.get(kind)
    if folder is None or not rest or "\x00" in rest:
        return None
    if not is_local(folder):
        if any(part in ("", ".", "..") for part in rest.split("/")) or "\\" in rest or "://" in rest:
            return None
        path = folder / rest
        with asking(path):
            return path if path.suffix in TYPES and path.is_file() else None
    path = (folder / rest).resolve()
    inside = path.is_relative_to(folder.resolve())
    return path if inside and path.suffix in TYPES and path.is_file() else None


def listing(settings: Settings, kind: str, *, limit: int = 60) -> list[dict[str, object]]:
    """Return what there is to open in one folder, newest first."""
    found = [file for file in files_below(settings.served[kind]) if file.path.suffix in {".html", ".md"}]
    found.sort(key=lambda file: file.modified, reverse=True)
    return [
        {"address": f"{kind}/{file.name}", "name": file.name, "written": file.modified}
        for file in found[:limit]
    ]


@router.get("/files/{address:path}")
def file(request: Request, address: str) -> Response:
    """Serve one file; Markdown as a page of ours, whose pictures are the files beside it."""
    settings = load_settings()
    path = safe_path(settings, address)
    if path is None:
        raise HTTPException(404, "There is no such report.")
    if path.suffix == ".md":
        html = html_of(read(path).decode("utf-8", errors="replace"))
        return shell.render(request, "report.html", company=settings.config.name, name=path.name, html=html)
    headers = {"Content-Security-Policy": POLICY}
    if path.suffix == ".zip":
        headers["Content-Disposition"] = f'attachment; filename="{path.name}"'
    return Response(read(path), media_type=TYPES[path.suffix], headers=headers)
