"""Every vendor has a form among Airflow's connections; what it writes is what the vendor is asked with."""

from __future__ import annotations

from tests.lib import airflow_env  # noqa: F401

# isort: split
import json
from pathlib import Path

import pytest
from airflow.providers_manager import ProvidersManager

from customer_health.sources.asking.vendor_file import load_vendor, vendor_files
from customer_health_airflow.connection_forms import VendorHook, provider_info
from customer_health_airflow.connection_secrets import read_connection

VENDORS = {name: load_vendor(path) for name, path in vendor_files().items()}


def test_airflow_finds_a_form_for_every_vendor_without_anything_being_installed() -> None:
    manager = ProvidersManager()
    widgets = manager.connection_form_widgets
    for name, vendor in VENDORS.items():
        kind = f"customer_health_{name}"
        for field, need in vendor.connection.items():
            widget = widgets[f"extra__{kind}__{field}"]
            assert widget.is_sensitive == need.secret, (name, field)
        behaviour = manager.field_behaviours[kind]
        assert "password" in behaviour["hidden_fields"]
        hook = manager.hooks[kind]
        assert hook is not None
        assert (hook.connection_type, hook.connection_id_attribute_name) == (kind, "connection_id")


def test_a_form_says_what_each_field_is_and_which_may_stay_empty() -> None:
    (form,) = [
        one for one in provider_info()["connection-types"] if one["connection-type"].endswith("_intercom")
    ]
    fields = form["conn-fields"]
    assert fields["access_token"]["schema"] == {"type": "string", "format": "password"}
    assert fields["region"]["schema"] == {"type": ["string", "null"]}
    assert "empty: api.intercom.io" in fields["region"]["description"]


def test_a_vendor_of_the_companys_own_gets_a_form_and_a_broken_one_costs_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.contract.test_vendors_own import FILE

    (tmp_path / "acme_desk.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("vendor: [", encoding="utf-8")
    monkeypatch.setenv("CUSTOMER_HEALTH_VENDORS", str(tmp_path))
    kinds = {one["connection-type"] for one in provider_info()["connection-types"]}
    assert kinds == {f"customer_health_{name}" for name in (*VENDORS, "acme_desk")}
    assert "No form for the vendor broken" in caplog.text


def test_what_a_form_leaves_empty_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    name, extra = "customer_health_zendesk", {"subdomain": "acme", "client_id": "id", "client_secret": None}
    said = json.dumps({"conn_type": name, "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_CUSTOMER_HEALTH_ZENDESK", said)
    assert read_connection("zendesk") == {"subdomain": "acme", "client_id": "id"}
    assert VendorHook("customer_health_zendesk").get_conn() == {"subdomain": "acme", "client_id": "id"}
