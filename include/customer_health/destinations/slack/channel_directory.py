"""Which id a channel's #name has. Slack is asked page by page, and a large workspace has hundreds of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from customer_health.delivery import http_faults
from customer_health.effects.destination import RejectedError

PAGE, MOST_PAGES = 1000, 300
ID = re.compile(r"[CGD][A-Z0-9]{6,}")
MAP_IT = "or map its name to its id (in the channel's details) in connections.slack.channels."


class ChannelDirectory:
    """Names to ids, remembered as far as they were read.

    Where it stopped is kept: a rate limit in the middle of a long list costs one call, not the pages before.

    Args:
        call: Makes one call of the Web API.
        ask: `conversations.list`.
        known: Ids from the company file, by #name.
    """

    def __init__(self, call: Callable[..., Any], ask: Callable[..., Any], known: Mapping[str, str]) -> None:
        self._call, self._ask = call, ask
        self._ids = dict(known)
        self._archived: set[str] = set()
        self._cursor: str | None = None
        self._pages = 0
        self._complete = False

    def id_of(self, name: str) -> str:
        """Return the id of a channel; an id is its own.

        Raises:
            RejectedError: It is archived, or Slack shows us none of that name.
        """
        if ID.fullmatch(name):
            return name
        while name not in self._ids and not self._complete:
            self._read_on()
        if name in self._ids:
            return self._ids[name]
        if name in self._archived:
            raise RejectedError(
                f"The channel {name} is archived.",
                hint="Unarchive it, or route the alerts to another channel in the company file.",
            )
        seen = "" if self._pages < MOST_PAGES else f" among the first {PAGE * MOST_PAGES:,}"
        raise RejectedError(
            f"Slack shows us no channel {name}{seen}.",
            hint=f"Create the channel; if it is private, invite the app; {MAP_IT}",
        )

    def _read_on(self) -> None:
        try:
            with http_faults.reading():
                page = self._call(
                    self._ask,
                    limit=PAGE,
                    cursor=self._cursor,
                    exclude_archived=False,
                    types="public_channel,private_channel",
                )
        except RejectedError as error:
            if "invalid_cursor" in error.message and self._cursor:
                self._cursor = None  # it has expired: from the beginning
                return
            raise
        self._pages += 1
        for channel in page["channels"]:
            name = f"#{channel['name']}"
            if channel.get("is_archived"):
                self._archived.add(name)
            else:
                self._ids.setdefault(name, str(channel["id"]))
        self._cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        self._complete = self._cursor is None or self._pages >= MOST_PAGES
