"""Whether models, reports and previews can be kept at the address that the settings name."""

from __future__ import annotations

from customer_health import storage
from customer_health.errors import CustomerHealthError
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings

PROBE = ".customer-health-doctor"
CONTENT = b"Written and removed by `python -m customer_health doctor`."


def examine_storage(settings: Settings) -> Result:
    """Write a file, list it, read it and remove it again: the rights that a night needs."""
    try:
        path = settings.reports / PROBE
        storage.write(path, CONTENT)
        listed = PROBE in {file.name for file in storage.files_below(settings.reports)}
        same = storage.read(path) == CONTENT
        storage.remove(path)
    except (CustomerHealthError, OSError) as error:
        return Result("Storage", {"problems": 1}, tuple(str(error).splitlines()))
    if not (listed and same):
        said = f"{settings.storage} lists or gives back something else than was written there."
        return Result("Storage", {"problems": 1}, (said,))
    return Result("Storage", {"problems": 0}, (f"{settings.storage} can be written, listed and read.",))
