"""The preview: files instead of a remote, the default behind every role."""

from __future__ import annotations

from customer_health.connections.connection_options import Options
from customer_health.connections.kind import EVERY_VERB, Kind


class PreviewOptions(Options):
    """A folder below the home; there is nothing to say about it."""


KIND = Kind(
    name="preview",
    title="Files",
    options=PreviewOptions,
    opens="customer_health.destinations.preview:open_preview",
    verbs=EVERY_VERB,
    after_lost_answer="writes the same file again",
    needs="nothing",
    keys=((),),
)
