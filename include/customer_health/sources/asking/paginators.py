"""Pages that dlt's paginators do not know; each is registered under the name that a vendor file writes."""

from __future__ import annotations

from typing import Any

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import BasePaginator, JSONResponseCursorPaginator
from dlt.sources.rest_api.config_setup import create_paginator
from requests import Request, Response

from customer_health.errors import ConfigurationError, suggest
from customer_health.sources.asking.binding import ordinal, written


def first_of(path: str, body: Any) -> Any:
    """Return the first value under a JSON path, or None."""
    found = jsonpath.find_values(path, body)
    return found[0] if found else None


class CursorUntil(JSONResponseCursorPaginator):
    """A cursor that is there on the last page, too: a flag says that it was the last.

    dlt's own paginator would ask for the last page for ever.

    Args:
        done_path: JSON path of the flag.
        drops: Query parameters that must not stand beside the cursor.
    """

    def __init__(self, done_path: str, drops: tuple[str, ...] = (), **given: Any) -> None:
        super().__init__(**given)
        self._done_path, self._drops = done_path, drops

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if first_of(self._done_path, response.json()):
            self._has_next_page = False

    def update_request(self, request: Request) -> None:
        super().update_request(request)
        params: Any = request.params
        for name in self._drops:
            params.pop(name, None)


class SlidingWindow(BasePaginator):
    """A search that ends after a number of results: its filter moves on to the last value seen.

    Rows come in ascending order of the filtered field, so that those with the last value may come twice; who
    calls drops what has come already.

    Args:
        cursor_path, cursor_body_path: As in dlt's cursor paginator.
        most: Results that one search shows at most.
        value_path: Field of a row by which the search filters and sorts.
        filter_body_path: Where the filter's value stands in the request.
        convert: How that value is written.
    """

    def __init__(
        self,
        cursor_path: str,
        cursor_body_path: str,
        most: int,
        value_path: str,
        filter_body_path: str,
        convert: str | None = None,
    ) -> None:
        super().__init__()
        self._cursor_path, self._cursor_body_path = cursor_path, cursor_body_path
        self._most, self._value_path = most, value_path
        self._filter_body_path, self._convert = filter_body_path, convert
        self._seen, self._from = 0, 0.0
        self._next: Any = None

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        rows = data or []
        self._seen += len(rows)
        self._next = first_of(self._cursor_path, response.json())
        if self._next is None or not rows:
            self._has_next_page = False
        elif self._seen + len(rows) > self._most:
            last = ordinal(first_of(self._value_path, rows[-1]))
            if last <= self._from:
                raise ConfigurationError(
                    f"More than {self._most:,} records carry the same {self._value_path}.",
                    hint="This search cannot show them all; ask the vendor for an export of them.",
                )
            self._from, self._seen, self._next = last, 0, None

    def update_request(self, request: Request) -> None:
        if not self._has_next_page:
            return
        body: Any = request.json
        if self._next is None:
            # dlt's own set_value_at_path knows no places in lists, and would add a key of that name.
            jsonpath.compile_path(self._filter_body_path).update(body, written(self._from, self._convert))
            body.pop(self._cursor_body_path, None)
        else:
            jsonpath.set_value_at_path(body, self._cursor_body_path, self._next)


class UntilShort(BasePaginator):
    """Page numbers until a page is shorter than was asked for.

    Args:
        page_param: Query parameter of the page's number, from 1.
        size: Rows of a full page.
    """

    def __init__(self, page_param: str, size: int) -> None:
        super().__init__()
        self._param, self._size, self._page = page_param, size, 1

    def init_request(self, request: Request) -> None:
        given: Any = request.params or {}
        request.params = {**given, self._param: 1}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        self._has_next_page = len(data or []) >= self._size
        self._page += 1

    def update_request(self, request: Request) -> None:
        params: Any = request.params
        params[self._param] = self._page


OWN: dict[str, type[BasePaginator]] = {
    "cursor_until": CursorUntil,
    "sliding_window": SlidingWindow,
    "until_short": UntilShort,
}
THEIRS = ("single_page", "cursor", "json_link", "header_link", "header_cursor", "offset", "page_number")


def paginator_for(described: Any) -> BasePaginator:
    """Return the paginator that a vendor file describes.

    Raises:
        ConfigurationError: It is not known, or its words are wrong.
    """
    words: dict[str, Any] = {"type": described} if isinstance(described, str) else dict(described)
    kind = str(words.pop("type", ""))
    if kind not in OWN and kind not in THEIRS:
        raise ConfigurationError(f"There is no paginator '{kind}'.", hint=suggest(kind, (*OWN, *THEIRS)))
    try:
        theirs: Any = {"type": kind, **words}
        made = OWN[kind](**words) if kind in OWN else create_paginator(theirs)
    except TypeError as error:
        raise ConfigurationError(
            f"The paginator '{kind}' is described wrongly: {error}.", hint="See docs/sources.md."
        ) from None
    assert made is not None
    return made
