"""One authenticated line to a Salesforce org: a single attempt per call, one refresh per expiry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import requests

from customer_health.connections.salesforce_connection import SalesforceOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.errors import ConfigurationError, CustomerHealthError

NAME = "Salesforce"
_KINDS = (
    {"access_token", "instance_url"},
    {"consumer_key", "consumer_secret", "domain"},
    {"username", "consumer_key", "privatekey"},
)
_SOAP = {"username", "password"}  # SOAP login() retires in summer 2027 and is gone from API 65 on
_HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil")
_IN_LIST = 60  # a query travels in the URL, which Salesforce cuts at 16 KB

FIXES: Mapping[str, str] = {
    "DUPLICATE_EXTERNAL_ID": "Several records share this external id; merge them in Salesforce, then resend.",
    "REQUIRED_FIELD_MISSING": "No account has this id yet, or the org demands a field; fill it, then resend.",
    "ENTITY_IS_DELETED": "The record was deleted or merged; restore it or correct the account's id.",
    "INVALID_CROSS_REFERENCE_KEY": "A linked record (account or owner) is gone; correct it, then resend.",
    "INACTIVE_OWNER_OR_USER": "The owner is no longer active; give the account another owner.",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "A validation rule of the org refuses this; relax it for our user.",
    "INVALID_FIELD": "A field in connections.salesforce does not exist or is hidden; run doctor.",
    "Field name not found": "A field in connections.salesforce does not exist or is hidden; run doctor.",
    "No such column": "A field in connections.salesforce does not exist or is hidden; run doctor.",
    "INSUFFICIENT_ACCESS": "Our user may not do this; add the object to its permission set; run doctor.",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "A trigger or flow of the org failed; its owner must look.",
    "STRING_TOO_LONG": "The field is shorter than what we write; lengthen it to 255.",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "Add the value to the picklist, or make it unrestricted.",
}


class SalesforceClient:
    """REST calls, with errors sorted for the outbox.

    simple-salesforce would refresh an expired session up to three times automatically; it is given a bare
    session id, so that it cannot, and the one refresh is made here.

    Args:
        options: Version and rates.
        secret: One of: access_token + instance_url; consumer_key + consumer_secret + domain;
            username + consumer_key + privatekey.
        session: Has a time-out.
        pace: Waits before each request.
    """

    def __init__(
        self,
        options: SalesforceOptions,
        secret: Mapping[str, str],
        session: requests.Session,
        pace: RateLimiter,
    ) -> None:
        if set(secret) >= _SOAP and not any(kind <= set(secret) for kind in _KINDS):
            raise ConfigurationError(
                "Salesforce ends its login by user name and password in summer 2027; it is not used here.",
                hint="Make an External Client App and give consumer_key, consumer_secret and domain (client "
                "credentials), or username, consumer_key and privatekey (JWT bearer).",
            )
        if not any(kind <= set(secret) for kind in _KINDS):
            raise ConfigurationError(
                "The Salesforce credentials are incomplete.",
                hint="Give one of: " + "; ".join(" + ".join(sorted(kind)) for kind in _KINDS) + ".",
            )
        self.options, self._secret, self._session, self._pace = options, secret, session, pace
        self._line: Any = None
        # The library's errors carry no headers, and Retry-After is one.
        self._headers: Mapping[str, str] = {}
        session.hooks["response"].append(self._remember)

    def _remember(self, answer: requests.Response, **_given: Any) -> None:
        self._headers = answer.headers

    @property
    def can_refresh(self) -> bool:
        """Whether the credentials allow for a new session."""
        return "access_token" not in self._secret

    def call(self, method: str, path: str, **given: Any) -> Any:
        """Make one call below `/services/data/vNN.0/` and return its JSON.

        Raises:
            BusyError, DestinationUnavailableError, RejectedError, UnknownOutcomeError: See faults.py.
        """
        ask = partial(_restful, path, method, given)
        if method != "GET":
            return self._guarded(ask)
        with http_faults.reading():
            return self._guarded(ask)

    def text(self, method: str, path: str, **given: Any) -> str:
        """Make one call whose answer is not JSON, as some of the bulk API, and return it; see `call`."""
        ask = partial(_plain, path, method, given)
        if method != "GET":
            return str(self._guarded(ask))
        with http_faults.reading():
            return str(self._guarded(ask))

    def query(self, template: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """Return every record of a SOQL query whose `{}` takes a list of values, in several calls if need be.

        Args:
            template: Ours; the names in it come from settings with a closed pattern.
            values: From outside; quoted by `format_soql`.
        """
        from simple_salesforce.format import format_soql

        found: list[dict[str, Any]] = []
        with http_faults.reading():
            for start in range(0, len(values), _IN_LIST):
                soql = format_soql(template, list(values[start : start + _IN_LIST]))
                page = self._guarded(partial(_query, soql))
                found += page["records"]
                while not page["done"]:
                    page = self._guarded(partial(_query_more, page["nextRecordsUrl"]))
                    found += page["records"]
        return found

    def _guarded(self, ask: Callable[[Any], Any]) -> Any:
        from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

        for refreshed in (False, True):
            self._pace.wait()
            try:
                return ask(self._open())
            except SalesforceExpiredSession as error:
                self._line = None  # a 401 did nothing: asking again under a new session is safe
                if refreshed or not self.can_refresh:
                    raise DestinationUnavailableError(
                        f"Salesforce ended our session: {_words(error)}",
                        hint="Renew the credentials of Salesforce, then run again.",
                        needs_person=True,
                    ) from None
            except SalesforceError as error:
                raise fault_of(error, self._headers) from None
            except requests.RequestException as error:
                raise http_faults.of_exception(NAME, error) from None
            except ValueError:
                raise UnknownOutcomeError("Salesforce answered something that is not JSON.") from None
        raise AssertionError("unreachable")

    def _open(self) -> Any:
        from simple_salesforce.api import Salesforce
        from simple_salesforce.exceptions import SalesforceAuthenticationFailed

        if self._line is None:
            secret: dict[str, Any] = dict(self._secret)
            version = self.options.api_version
            if self.can_refresh:
                try:
                    login = Salesforce(**secret, version=version, session=self._session)
                except SalesforceAuthenticationFailed as error:
                    raise DestinationUnavailableError(
                        f"Salesforce refused our login: {error}"[: http_faults.MOST_WORDS],
                        hint="Check the credentials and the connected app, then run again.",
                        needs_person=True,
                    ) from None
                token, host = login.session_id, login.sf_instance
            else:
                token = secret["access_token"]
                host = secret["instance_url"].removeprefix("https://").split("/")[0]
            if not host.endswith(_HOSTS):
                raise ConfigurationError(
                    f"{host} is not a Salesforce host.", hint=f"It must end in {', '.join(_HOSTS)}."
                )
            self._line = Salesforce(
                session_id=token, instance_url=f"https://{host}", version=version, session=self._session
            )
        return self._line


def fault_of(error: Any, headers: Mapping[str, str]) -> CustomerHealthError:
    """Return what a refused call means; every row of it shares this fate."""
    words, status = _words(error), int(error.status)
    if status == 403 and "REQUEST_LIMIT_EXCEEDED" in words:
        # Not a 429: the pool of the whole org, over a rolling day.
        return DestinationUnavailableError(
            f"Salesforce: {words}",
            hint="The org's daily calls are spent; they come back over the day. See who uses them.",
            retry_after=http_faults.retry_after(headers, http_faults.HOUR),
        )
    if status == 403 and ("API_DISABLED" in words or "API_CURRENTLY_DISABLED" in words):
        return DestinationUnavailableError(
            f"Salesforce: {words}", hint="Give our user the permission API Enabled.", needs_person=True
        )
    if status == 300:
        return RejectedError(f"Salesforce: {words}", hint=FIXES["DUPLICATE_EXTERNAL_ID"])
    return http_faults.of_status(NAME, status, words, headers, FIXES)


def fault_of_row(errors: Sequence[Mapping[str, Any]]) -> CustomerHealthError:
    """Return what the errors of one row of a collection mean for that row alone."""
    words = "; ".join(
        f"{error.get('statusCode') or error.get('errorCode')}: {error.get('message')}" for error in errors
    )[: http_faults.MOST_WORDS]
    if "UNABLE_TO_LOCK_ROW" in words:
        return BusyError(f"Salesforce: {words}", retry_after=5.0)
    if "SERVER_UNAVAILABLE" in words or "UNKNOWN_EXCEPTION" in words:
        return UnknownOutcomeError(f"Salesforce: {words}")
    return RejectedError(f"Salesforce: {words}", hint=http_faults.fix_for(words, FIXES))


def _restful(path: str, method: str, given: Mapping[str, Any], line: Any) -> Any:
    return line.restful(path, method=method, **given)


def _plain(path: str, method: str, given: Mapping[str, Any], line: Any) -> str:
    from simple_salesforce.util import call_salesforce

    headers = {**line.headers, **given.get("headers", {})}
    data = given.get("data")
    answer = call_salesforce(
        url=line.base_url + path, method=method, session=line.session, headers=headers, data=data
    )
    answer.encoding = "utf-8"
    return str(answer.text)


def _query(soql: str, line: Any) -> Any:
    return line.query(soql)


def _query_more(url: str, line: Any) -> Any:
    return line.query_more(url, identifier_is_url=True)


def _words(error: Any) -> str:
    content = error.content
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        return "; ".join(f"{one.get('errorCode')}: {one.get('message')}" for one in content)
    return str(content)[: http_faults.MOST_WORDS]
