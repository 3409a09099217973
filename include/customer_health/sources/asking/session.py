"""The session under dlt's REST client: limits kept, answers read whole, faults told apart.

dlt's own session tries again on 429, 5xx and time-outs. It does not keep a rate limit, does not notice JSON
that is cut off, takes Salesforce's "too many calls" (a 403) for a missing right, does not know Intercom's
reset header, and does not renew a token that says nothing about its end. All of that is here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests

from customer_health.delivery import http_faults
from customer_health.delivery.call_guard import GuardedAdapter, answered_within, lasting_at_most
from customer_health.sources.asking.faults import SourceBusyError, SourceRefusedError, TokenExpiredError
from customer_health.sources.asking.limiter import RateLimiter
from customer_health.sources.asking.sign_in import KeyAuth, TokenAuth
from customer_health.sources.asking.vendor_access import Limits

TRIES = 5
LONGEST_WAIT = 120.0  # seconds; a vendor that wants more gets the next try of the task
LONGEST_CALL = 300.0  # seconds for one answer, but for a file
LONGEST_FILE = 3600.0  # seconds for a file: an export of a day; the task that asks for it has three hours
LANDED = "What has landed stays; the next try goes on from there."
A_PAGE = "answered with a web page instead of data"
_TRANSIENT = frozenset({408, 425, 500, 502, 503, 504, 520, 522, 524})


class AskingSession(requests.Session):
    """Sends a request until it has a whole answer, or says why there is none.

    Attributes:
        calls: Requests made.
        left: Calls that are left by the vendor's own count.
        skew: Seconds by which its clock is ahead of ours.

    Args:
        vendor: Its name, for messages.
        limits: What the vendor allows.
        hosts: Hosts that may be called; credentials go nowhere else.
        secrets: Values that no message may repeat.
        explains: Word in a refusal -> what a person has to do about it.
        through: Address that every call goes to instead, with its path; for recorders and tests.
        sleep: How to wait.
    """

    def __init__(
        self,
        vendor: str,
        limits: Limits,
        hosts: frozenset[str],
        *,
        secrets: frozenset[str] = frozenset(),
        explains: Mapping[str, str] = MappingProxyType({}),
        through: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.vendor, self.hosts = vendor, hosts
        self.signed: KeyAuth | TokenAuth | None = None
        self.calls = 0
        self._limits, self._secrets, self.sleep = limits, secrets, sleep
        self._explains = explains
        self.limiter = RateLimiter(limits, sleep=sleep)
        self.empty_on: frozenset[int] = frozenset()
        self.expired_on: frozenset[int] = frozenset()
        self.left: int | None = None
        self.skew: float | None = None
        self.auth = _keep  # or a .netrc of the machine would replace our header
        self.mount("https://", GuardedAdapter())
        if through:
            self.mount("https://", _Through(through))

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        """Send, wait and try again; return the answer of a success.

        Raises:
            SourceBusyError: The vendor is down, or wants a longer pause than a task should wait.
            SourceRefusedError: It does not let us in, or does not understand the request.
            TokenExpiredError: It no longer knows the token of the last run.
        """
        given = {**given, "timeout": given.get("timeout") or (10, 120), "allow_redirects": False}
        self._check_host(str(request.url))
        renewed, why, hint = False, "", LANDED
        for attempt in range(TRIES):
            self.limiter.wait()
            self.calls += 1
            try:
                answer = self._sent(request, given)
            except requests.exceptions.SSLError:
                raise SourceRefusedError(
                    f"{self.vendor} shows no certificate that we trust.", hint=http_faults.CERTIFICATE
                ) from None
            except requests.RequestException as error:
                # Its text repeats the URL, with whatever key stands in it.
                unreached = http_faults.unreached(error)
                why = unreached or f"gave no complete answer ({type(error).__name__})"
                pause, hint = 2.0**attempt, http_faults.WAY_OUT if unreached else LANDED
            else:
                self._note(answer.headers)
                if answer.status_code == 401 and isinstance(self.signed, TokenAuth) and not renewed:
                    renewed = True
                    self.signed.renew()
                    self.signed(request)
                    continue
                found = self._pause(answer, attempt)
                if found is None:
                    return answer
                pause, why = found
                hint = http_faults.WEB_PAGE if why == A_PAGE else LANDED
            if pause > LONGEST_WAIT:
                break
            if attempt < TRIES - 1:
                self.sleep(pause)
        raise SourceBusyError(f"{self.vendor} {why}.", hint=hint)

    def save(self, request: requests.PreparedRequest, to: Path) -> None:
        """Send, and stream the answer of a success into a file.

        Raises:
            SourceBusyError: As `send`; or the answer broke off, or was not whole after LONGEST_FILE.
        """
        with lasting_at_most(LONGEST_FILE) as over:
            why = ""
            try:
                with self.send(request, stream=True) as answer, to.open("wb") as file:
                    for block in answer.iter_content(1 << 20):
                        file.write(block)
            except requests.RequestException as error:
                why = f"broke off ({type(error).__name__})"
            if over():  # a body without a length ends wherever the connection does
                why = f"was not whole after {LONGEST_FILE / 60:.0f} minutes"
        if why:
            raise SourceBusyError(
                f"{self.vendor}: the export {why}.",
                hint="It is asked for again; nothing of it was kept. Where that repeats, look at the line "
                "to the vendor.",
            )

    def _sent(self, request: requests.PreparedRequest, given: Mapping[str, Any]) -> requests.Response:
        """Send once. A time-out is per read: an answer that trickles in has an end, too (files: `save`)."""
        if given.get("stream"):
            return super().send(request, **given)
        return answered_within(LONGEST_CALL, partial(super().send, request, **given))

    def _check_host(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if host not in self.hosts or urlsplit(url).scheme != "https":
            raise SourceRefusedError(
                f"{self.vendor} points to {host}, which is not one of its hosts.",
                hint=f"If that is right, add it to client.hosts; known: {', '.join(sorted(self.hosts))}.",
            )

    def _note(self, headers: Mapping[str, str]) -> None:
        with suppress(KeyError, ValueError, TypeError):  # not every vendor says what time it is
            self.skew = parsedate_to_datetime(headers["Date"]).timestamp() - time.time()
        text = headers.get(self._limits.left_header, "") if self._limits.left_header else ""
        used, _, most = text.rpartition("=")[2].partition("/")  # api-usage=113/15000, or a plain number
        if used.strip().isdigit():
            self.left = int(most) - int(used) if most.strip().isdigit() else int(used)

    def _pause(self, answer: requests.Response, attempt: int) -> tuple[float, str] | None:
        """Return how long to wait and why; None if the answer is good.

        Raises:
            SourceRefusedError, TokenExpiredError: Waiting cannot help.
        """
        status = answer.status_code
        if status in self.empty_on:
            from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

            raise IgnoreResponseException
        if status in self.expired_on:
            raise TokenExpiredError(f"{self.vendor} no longer knows where the last run ended.")
        if status == 429:
            return self._asked_pause(answer.headers, attempt), "says that we ask too often (429)"
        if status == 403 and any(word in answer.text for word in self._limits.says):
            return LONGEST_WAIT + 1, "says that its calls are used up (403)"
        if status in _TRANSIENT:
            return self._asked_pause(answer.headers, attempt), f"is out of order ({status})"
        if status >= 300:
            raise self._refusal(answer)
        if http_faults.is_web_page(answer.headers):
            return 2.0**attempt, A_PAGE
        kind = answer.headers.get("Content-Type", "")
        if "json" in kind and "ndjson" not in kind and cut_off(answer):
            return 2.0**attempt, "sent an answer that is cut off"
        return None

    def _asked_pause(self, headers: Mapping[str, str], attempt: int) -> float:
        after = headers.get("Retry-After", "")
        try:
            return max(float(after), 0.0)
        except ValueError:
            pass
        sent = headers.get("Date")
        try:
            begin = parsedate_to_datetime(str(sent)).timestamp()
            if after:
                return max(parsedate_to_datetime(after).timestamp() - begin, 0.0)
            # Both times are the vendor's, so that our clock does not matter.
            return max(float(headers[self._limits.reset_header]) - begin, 0.0) + 1.0
        except (ValueError, KeyError, TypeError):
            return 2.0**attempt

    def _refusal(self, answer: requests.Response) -> SourceRefusedError:
        if answer.status_code == 407 or http_faults.is_web_page(answer.headers):
            refusal = SourceRefusedError(
                f"{self.vendor} was not reached: a web page answered {answer.status_code}.",
                hint=http_faults.WEB_PAGE,
            )
            refusal.status = answer.status_code
            return refusal
        words = answer.text
        for secret in self._secrets:
            words = words.replace(secret, "***") if len(secret) > 3 else words
        words = " ".join(words[:600].split())
        fixes = {
            401: f"Renew the credentials of {self.vendor}, then run again.",
            403: f"Grant the credentials of {self.vendor} the rights listed under `scopes:` in its file.",
        }
        refusal = SourceRefusedError(
            f"{self.vendor} answered {answer.status_code}: {words}",
            hint=" ".join(do for word, do in self._explains.items() if word in answer.text)
            or fixes.get(answer.status_code, "Correct the vendor file, or the connection."),
        )
        refusal.status = answer.status_code
        return refusal


def cut_off(answer: requests.Response) -> bool:
    """Read the JSON of an answer once, for all who will ask for it; return whether it cannot be read."""
    import orjson

    try:
        parsed = orjson.loads(answer.content) if answer.content else None
    except ValueError:
        return True
    answer.json = lambda **_: parsed  # type: ignore[method-assign]
    return False


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Through(GuardedAdapter):
    """Sends what was meant for a vendor's host to one address; the path stays."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self._to = to.rstrip("/")

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        split = urlsplit(str(request.url))
        diverted = request.copy()
        diverted.headers["X-Meant-For"] = split.netloc
        diverted.url = f"{self._to}{split.path}" + (f"?{split.query}" if split.query else "")
        return super().send(diverted, *given, **more)
