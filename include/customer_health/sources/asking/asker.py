"""One vendor's client: requests as the vendor file describes them, pages as they come."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from customer_health.errors import ConfigurationError
from customer_health.sources.asking.binding import fill
from customer_health.sources.asking.faults import SourceBusyError
from customer_health.sources.asking.raw_files import dotted
from customer_health.sources.asking.session import AskingSession
from customer_health.sources.asking.sign_in import sign_in
from customer_health.sources.asking.vendor import BatchRead, Resource, Vendor
from customer_health.sources.asking.vendor_access import Auth
from customer_health.wording import number, plural


@dataclass(frozen=True)
class Page:
    """One answer.

    Attributes:
        rows: The records.
        also: Further records by name.
        token: With which the next run begins, if this answer says it.
        total: Records that the query finds, if this was asked for.
    """

    rows: list[Any]
    also: Mapping[str, list[Any]]
    token: str | None
    total: int = 0


class Asker:
    """Asks one vendor.

    Args:
        vendor: The vendor file.
        connection: Values of the connection.
        through: Address that every call goes to instead.
        sleep: How to wait.
    """

    def __init__(
        self,
        vendor: Vendor,
        connection: Mapping[str, str],
        *,
        through: str = "",
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.vendor, self._connection = vendor, connection
        self._base = str(fill(vendor.client.base_url, connection, {}))
        token_url = str(fill(vendor.client.auth.access_token_url, connection, {}))
        hosts = {urlsplit(url).hostname for url in (self._base, token_url)}
        hosts |= {str(fill(host, connection, {})) for host in vendor.client.hosts}
        if urlsplit(self._base).scheme != "https":
            raise ConfigurationError(
                f"{vendor.vendor}: client.base_url must begin with https://.",
                hint="Credentials do not travel in the clear.",
            )
        secrets = frozenset(value for name, value in connection.items() if name in vendor.secrets)
        self.session = AskingSession(
            vendor.vendor,
            vendor.limits,
            frozenset(host for host in hosts if host),
            secrets=secrets,
            explains=vendor.explains,
            through=through,
            sleep=sleep or time.sleep,
        )
        self._signs: dict[str, Any] = {}

    def open(self, resource: Resource, each: str) -> None:
        """Get ready for one resource."""
        run = {"each": each}
        filled = fill(self.vendor.client.auth.model_dump(), self._connection, run)
        who = filled["subject"]
        if who not in self._signs:
            self._signs[who] = sign_in(Auth.model_validate(filled), self._fetch_token)
        self.session.signed = self._signs[who]
        self.session.empty_on = frozenset(resource.endpoint.empty_on)
        self.session.expired_on = frozenset(resource.endpoint.expired_on)

    def pages(self, resource: Resource, run: Mapping[str, Any], token: str | None) -> Iterator[Page]:
        """Yield the pages of a resource.

        Args:
            resource: What to ask for.
            run: What `{...}` stands for.
            token: Where the last run ended, for resources that go on from a token.
        """
        from customer_health.sources.asking.paginators import first_of, paginator_for

        endpoint, incremental = resource.endpoint, resource.endpoint.incremental
        asked = {
            name: fill(value, self._connection, run)
            for name, value in (
                ("path", endpoint.path),
                ("params", dict(endpoint.params)),
                ("headers", {**self.vendor.client.headers, **endpoint.headers}),
                ("json", copy.deepcopy(endpoint.body) if endpoint.body is not None else None),
            )
        }
        asked["params"] = {name: value for name, value in asked["params"].items() if value is not None}
        paginator = paginator_for(endpoint.paginator)
        if token and incremental and incremental.token_param:
            for name in incremental.drops:
                asked["params"].pop(name, None)
            asked["params"][incremental.token_param] = token
        elif token and incremental:
            asked["path"], asked["params"] = token, {}
        for page in self._client().paginate(
            method=endpoint.method,
            paginator=paginator,
            data_selector=endpoint.data_selector,
            hooks={"response": []},  # the session judges answers; dlt's own hook would raise before it does
            **asked,
        ):
            body = page.response.json()
            found = first_of(incremental.token_path, body) if incremental and incremental.token_path else None
            beside = {name: _rows(body, one.select) for name, one in resource.also.items()}
            total = first_of(resource.bulk.total, body) if resource.bulk else 0
            yield Page(list(page), beside, None if found is None else str(found), int(total or 0))

    def detail(self, resource: Resource, run: Mapping[str, Any]) -> Any:
        """Return one record that a list names."""
        assert resource.detail is not None
        prepared = self._request("GET", resource.detail.path, resource.detail.params, None, resource, run)
        return self.session.send(prepared).json()

    def ask(
        self, method: str, path: str, body: Any, resource: Resource, run: Mapping[str, Any]
    ) -> requests.Response:
        """Return the answer to one request beside the pages."""
        return self.session.send(self._request(method, path, {}, body, resource, run))

    def named(
        self, call: BatchRead, inputs: Sequence[Mapping[str, Any]], resource: Resource, run: Mapping[str, Any]
    ) -> list[Any]:
        """Return what the vendor says of the records that are named in one call.

        Raises:
            SourceBusyError: It says so of some of them only, and of others that something failed.
        """
        asked = {**call.body, call.inputs: list(inputs)}
        body = self.ask("POST", call.path, asked, resource, run).json()
        failed = failures(body, call.errors, call.absent)
        if failed:
            raise SourceBusyError(
                f"{self.vendor.vendor}: {number(len(failed))} of {plural(len(inputs), 'record')} "
                f"{'was' if len(failed) == 1 else 'were'} not answered "
                f"({', '.join(sorted(set(failed)))[:100]}).",
                hint="What has landed stays; the next try asks for them again.",
            )
        return _rows(body, call.data_selector)

    def _request(
        self, method: str, path: str, params: Any, body: Any, resource: Resource, run: Mapping[str, Any]
    ) -> requests.PreparedRequest:
        headers = {**self.vendor.client.headers, **resource.endpoint.headers}
        request = requests.Request(
            method,
            self._base.rstrip("/") + "/" + str(fill(path, self._connection, run)).lstrip("/"),
            params=fill(dict(params), self._connection, run),
            headers=fill(headers, self._connection, run),
            json=fill(body, self._connection, run),
            auth=self.session.signed,
        )
        return self.session.prepare_request(request)

    def download(self, resource: Resource, run: Mapping[str, Any], to: Path) -> Path | None:
        """Stream one answer into a file; None if the vendor says that there is nothing."""
        from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException

        endpoint = resource.endpoint
        prepared = self._request(
            endpoint.method, endpoint.path, endpoint.params, endpoint.body, resource, run
        )
        try:
            self.session.save(prepared, to)
        except IgnoreResponseException:
            return None
        return to

    def _client(self) -> Any:
        os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
        os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
        from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
        from dlt.sources.helpers.rest_client.client import RESTClient

        return RESTClient(
            self._base,
            auth=self.session.signed,
            session=self.session,
            config=RuntimeConfiguration(),
        )

    def _fetch_token(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        signed, self.session.signed = (
            self.session.signed,
            None,
        )  # a refused grant is not renewed automatically
        try:
            prepared = self.session.prepare_request(requests.Request("POST", url, data=form))
            answer = self.session.send(prepared)
        finally:
            self.session.signed = signed
        body = answer.json()
        return dict(body) if isinstance(body, Mapping) else {}


def failures(body: Any, errors: str, absent: Sequence[str]) -> list[str]:
    """Return what an answer of some success says of its failures, without those that mean "there is none"."""
    listed = dotted(body, errors)[1] if isinstance(body, Mapping) else None
    found = []
    for one in listed if isinstance(listed, list) else []:
        kinds = {str(one.get(name, "")).rpartition(".")[2] for name in ("category", "subCategory")}
        if not kinds & set(absent):
            found.append(str(one.get("category", "an error")))
    return found


def _rows(body: Any, select: str) -> list[Any]:
    from dlt.common import jsonpath

    found = jsonpath.find_values(select, body)
    found = found[0] if len(found) == 1 else found
    return found if isinstance(found, list) else [found] if found else []
