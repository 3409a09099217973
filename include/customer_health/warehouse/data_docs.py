"""Great Expectations' own project: its suites as files, and its Data Docs as one archive.

Data Docs load Bootstrap, jQuery and icons from content networks. They are therefore never shown as they are
under the page's origin: the run's Data Docs are a zip file beside the gate's report, for the reader's own
machine, and the page shows their words and tables (ui/data_docs_pages.py).
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from customer_health import storage

ARCHIVE = "data_docs.zip"
# What a run makes anew; the suites stay, so that a diff of two versions shows what the contracts changed.
_OF_ONE_RUN = ("uncommitted", "validation_definitions")
_VIEWS = "customer_health.warehouse.data_docs_templates"
_PAGE = {"view": {"module_name": _VIEWS, "class_name": "PageView"}}
# What Great Expectations sets up by itself, but for its views, and for profiles, of which there are none.
SITE = {
    "class_name": "SiteBuilder",
    "show_how_to_buttons": True,
    "store_backend": {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": "uncommitted/data_docs/local_site/",
    },
    "site_index_builder": {
        "class_name": "DefaultSiteIndexBuilder",
        "view": {"module_name": _VIEWS, "class_name": "IndexPageView"},
    },
    "site_section_builders": {"expectations": _PAGE, "validations": _PAGE, "profiling": "None"},
}


def great_expectations() -> Any:
    """Import the library quietly: no telemetry, no progress bars, no hundred INFO lines per task.

    Costs about six CPU seconds, so only the gate's task does it.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx

    # This one module sets its own level when it is imported.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    return gx


def open_project(folder: Path) -> Any:
    """Return a file context whose suites lie in `folder`/gx/expectations, ready for one run."""
    gx = great_expectations()
    for name in _OF_ONE_RUN:
        shutil.rmtree(folder / "gx" / name, ignore_errors=True)
    (folder / "gx" / "great_expectations.yml").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=str(folder))
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    context.variables.data_docs_sites = {"local_site": SITE}
    return context


def whole_frames(context: Any, name: str) -> Any:
    """Return the definition of a batch that is a whole pandas frame, given with each validation.

    One serves every suite: for each new one Great Expectations writes its project's file twice.
    """
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe("whole")


def validate(context: Any, batch: Any, suite: Any, frame: Any) -> Any:
    """Keep a suite as a file, hold a pandas frame against it, and keep the result for Data Docs.

    Counts are kept, values are not: Data Docs travel, and show no customer's rows.
    """
    gx = great_expectations()
    kept = context.suites.add_or_update(suite)
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=suite.name, data=batch, suite=kept)
    )
    counts_only = {"result_format": "BASIC", "partial_unexpected_count": 0}
    return definition.run(batch_parameters={"dataframe": frame}, result_format=counts_only)


def write_archive(context: Any, folder: Path) -> Path:
    """Build the run's Data Docs and return the zip file that holds them.

    Without the two films of the library's introduction, which were 3.3 of 4.0 MB each night.

    Args:
        context: Of `open_project`, after the validations.
        folder: Of the gate's report.
    """
    context.build_data_docs()
    site = Path(context.root_directory) / "uncommitted" / "data_docs" / "local_site"
    for film in (site / "static" / "images").glob("*.gif"):
        film.unlink()
    with TemporaryDirectory() as made:
        archive = shutil.make_archive(f"{made}/docs", "zip", site)
        return storage.write(folder / ARCHIVE, Path(archive).read_bytes())
