"""Reports, model cards and previews, served from their folders and from nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from customer_health.settings import Settings, load_settings
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


def folders(settings: Settings) -> dict[str, Path]:
    """Return the folders that are served, by the first part of their address."""
    return {"reports": settings.reports, "models": settings.models, "preview": settings.preview}


def safe_path(settings: Settings, address: str) -> Path | None:
    """Return the file behind an address such as `reports/gate_2026-11-19.html`, or None.

    Symbolic links and `..` are resolved first; the result must lie inside the folder it names, be a
    file, and have a known type.
    """
    kind, _, rest = address.partition("/")
    folder = folders(settings).get(kind)
    if folder is None or not rest or "\x00" in rest:
        return None
    path = (folder / rest).resolve()
    inside = path.is_relative_to(folder.resolve())
    return path if inside and path.suffix in TYPES and path.is_file() else None


def listing(settings: Settings, kind: str, *, limit: int = 60) -> list[dict[str, object]]:
    """Return what there is to open in one folder, newest first."""
    folder = folders(settings)[kind]
    found = [path for path in folder.rglob("*") if path.suffix in {".html", ".md"} and path.is_file()]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [
        {
            "address": f"{kind}/{path.relative_to(folder).as_posix()}",
            "name": path.relative_to(folder).as_posix(),
            "written": datetime.fromtimestamp(path.stat().st_mtime, UTC),
        }
        for path in found[:limit]
    ]


@router.get("/files/{address:path}")
def file(request: Request, address: str) -> Response:
    """Serve one file; Markdown as a page of ours, whose pictures are the files beside it."""
    settings = load_settings()
    path = safe_path(settings, address)
    if path is None:
        raise HTTPException(404, "There is no such report.")
    if path.suffix == ".md":
        html = html_of(path.read_text(encoding="utf-8", errors="replace"))
        return shell.render(request, "report.html", company=settings.config.name, name=path.name, html=html)
    saved = path.name if path.suffix == ".zip" else None
    return FileResponse(
        path, media_type=TYPES[path.suffix], filename=saved, headers={"Content-Security-Policy": POLICY}
    )
