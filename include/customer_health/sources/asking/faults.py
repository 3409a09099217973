"""What a vendor's refusal means for a run: it may work later, or a person must change something."""

from __future__ import annotations

from customer_health.errors import FatalError, RetriableError


class SourceBusyError(RetriableError):
    """The vendor is down, or we asked too often; what has landed stays, and the next try goes on there."""


class SourceRefusedError(FatalError):
    """The vendor does not let us in, or does not understand what we ask; asking again cannot help.

    Attributes:
        status: HTTP status of its answer; 0 if it was not even asked.
    """

    status = 0


class BulkFailedError(SourceRefusedError):
    """A job that was to read much at once failed at the vendor; pages are asked for instead."""


class TokenExpiredError(FatalError):
    """The vendor no longer knows the token with which the last run ended; everything is read anew."""
