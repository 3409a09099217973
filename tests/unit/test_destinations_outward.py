"""What leaves the system: whom we call, what we sign, what we never show."""

import json
import logging
import socket
import threading

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.destinations import RIGS, effect, no_pace, usage_audit
from tests.lib.servers.base import Answer
from tests.lib.servers.mail import MailServer

from customer_health.company import CompanyConfig, DestinationsConfig
from customer_health.connections.connection_options import Secret
from customer_health.connections.mailbox_connection import MailboxOptions
from customer_health.connections.smtp_connection import SmtpOptions
from customer_health.connections.webhook_connection import WebhookOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient, PublicOnly, TimedSession
from customer_health.delivery.http_faults import CannotTellError, DestinationUnavailableError
from customer_health.destinations import payload_values
from customer_health.destinations.destination_registry import destination_for
from customer_health.destinations.http.webhook import check
from customer_health.destinations.mailbox import meeting_text
from customer_health.destinations.mailbox.mail_drafts import SmtpDestination, draft
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.errors import ConfigurationError
from customer_health.settings import Settings, load_settings

HOOKS = ("hooks.example.com",)
PIECES = [
    *("<!channel>", "<@U1>", "<https://evil.example|Invoice>", "</div><script>", "\u202e", "\u200b", "\x00"),
    *("'; DROP TABLE x --", "' OR Id != NULL OR Name = '", "\\", "{{7*7}}", "${jndi:ldap://x}", "\r\n"),
    *("=cmd|' /C calc'!A0", "*bold*", "`code`", "😀" * 40, "אבג", "%s%n", "&amp;", '"', "|", "Ünïcödé"),
    *("x" * 300, "\ud800", "NULL", "-1"),
]


def hostile_names():
    """Return 500 names: every pair of pieces, with a little of Acme in between."""
    pairs = [f"{first}Acme{second}" for first in PIECES for second in PIECES]
    return pairs[:500]


def test_five_hundred_hostile_names_pass_every_renderer_without_harm():
    for name in hostile_names():
        message = blocks.message(effect("notify", name=name, why=name).payload)
        assert slack_limits.problems(message) == []
        assert not any(
            mark in json.dumps(message) for mark in ("<!channel>", "<@U1>", "<https://evil", "<script")
        )
        task = effect("create_task", name=name, why=name)
        body = payload_values.body(task)
        assert payload_values.subject(task).isprintable()
        assert "\x00" not in body
        assert "\u202e" not in body
        opportunity = effect("create_opportunity", name=name)
        assert "\n" not in payload_values.subject(opportunity)
        mail = draft(effect("draft_email", name=name), MailboxOptions())
        assert "\n" not in str(mail["Subject"])
        assert "\x00" not in meeting_text.markdown(effect("propose_meeting", name=name).payload)


def test_hostile_teams_and_features_stay_inside_the_usage_audit():
    for name in hostile_names()[::5]:
        team = {"team": name, "active_30": 1, "active_90": 2}
        feature = {"feature": name, "last_used": "2026-09-03", "users": None}
        audit = usage_audit(teams=[team] * 8, dropped=[feature] * 8)
        message = blocks.message(effect("reply", usage_audit=audit).payload)
        assert slack_limits.problems(message) == []
        assert not any(mark in json.dumps(message) for mark in ("<!channel>", "<@U1>", "<script"))
        page = payload_values.body(effect("create_task", usage_audit=audit))
        assert "\x00" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize(
    "kind",
    [
        "salesforce",
        "hubspot",
        "gainsight",
        "webhook",
        "smtp",
        "gmail",
        "graph",
        "google_calendar",
        "graph_calendar",
        "slack",
    ],
)
def test_hostile_names_and_reasons_of_5000_characters_arrive_at_every_remote(kind):
    rig = RIGS[kind]()
    long = "a very long reason " * 263
    for number, name in enumerate(hostile_names()[::25]):
        name = name.replace("\ud800", "")  # half a character is not text that JSON could carry
        rig.add(f"a{number}")
        for verb in set(rig.verbs) - {"attach_file"}:  # a picture quotes nobody
            rig.destination.deliver(effect(verb, f"a{number}", step=f"{verb}{number}", name=name, why=long))
    assert rig.server.violations == []
    rig.server.close()


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_no_subject_can_add_a_header_to_a_mail(text):
    message = draft(effect("draft_email", subject=f"Hello {text}\r\nBcc: all@example.com"), MailboxOptions())
    assert message["Bcc"] is None
    assert message["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(
    "address", ["a@b@c", "x y@example.com", "a@example.com,b@example.com", "../../me@x", ""]
)
def test_an_address_that_is_none_is_refused(address):
    sender = {"email": address, "role": "csm", "why": "csm"}
    with pytest.raises(RejectedError, match="not an e-mail address"):
        draft(effect("draft_email", sender=sender), MailboxOptions())


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "https://other.example.com/x",
        "https://u:p@hooks.example.com/",
        "https://hooks.example.com:8443/",
    ],
)
def test_a_webhook_goes_to_a_listed_host_by_https_only(url):
    with pytest.raises((ConfigurationError, ValueError)):
        check(WebhookOptions(url=url, hosts=HOOKS))


@pytest.fixture
def private_server():
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def serve():
        try:
            line, _ = listener.accept()
            line.settimeout(2)
            seen.append(line.recv(10))
            line.close()
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], seen, thread
    listener.close()


def test_a_listed_host_that_resolves_to_a_private_address_gets_not_a_byte(private_server):
    port, seen, thread = private_server
    session = TimedSession(2.0)
    session.trust_env = False
    session.mount("https://", PublicOnly())
    wire = HttpClient("The receiver", f"https://localhost:{port}", session=session, pace=no_pace())
    with pytest.raises(RejectedError, match="private address"):
        wire.call("POST", "/", json={"secret": 1})
    thread.join(2)
    assert seen == [b""]


def test_a_redirect_is_not_followed_with_our_credentials():
    rig = RIGS["webhook"]()
    rig.server.answer = lambda request: Answer(302, None, {"Location": "https://evil.example/"})
    with pytest.raises(RejectedError, match="302"):
        rig.destination.deliver(effect("notify"))
    assert len(rig.server.requests) == 1
    rig.server.close()


def test_a_netrc_of_the_machine_does_not_replace_our_token(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine mail.example.com login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    rig = RIGS["gmail"]()
    rig.destination.wire.session.trust_env = True
    assert rig.destination.deliver(effect("draft_email"))
    assert rig.server.requests[0].headers["authorization"] == "Bearer key-1"
    rig.server.close()


def test_secrets_are_neither_printed_nor_dumped_nor_logged(caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    loaded = load_settings({"CUSTOMER_HEALTH_SECRET_SLACK": '{"token": "xoxb-very-secret"}'}, home=tmp_path)
    config = CompanyConfig(destinations=DestinationsConfig(slack="slack"))
    settings_ = Settings(
        home=tmp_path, warehouse_url="", ledger_url="", config=config, secrets=loaded.secrets
    )
    destination_for("slack", settings_)
    shown = " ".join(
        (repr(loaded), str(loaded.model_dump()), repr(loaded.secrets), repr(settings_), caplog.text)
    )
    assert "very-secret" not in shown
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"CUSTOMER_HEALTH_SECRET_SLACK": '{"token": "xoxb-very-secret"'}, home=tmp_path)
    assert "very-secret" not in str(caught.value)


def test_what_a_failed_call_says_repeats_no_url():
    """Totango's service id and ChurnZero's host stand in URLs; the ledger keeps errors for ever."""
    error = requests.ConnectionError("https://sdr.totango.com/pixel.gif?sdr_s=SP-SECRET")
    assert "SECRET" not in http_faults.of_exception("Totango", error).message


def test_secrets_of_the_connection_go_before_those_of_the_environment(tmp_path):
    env = {"CUSTOMER_HEALTH_SECRET_SLACK": '{"token": "env"}'}
    loaded = load_settings(env, home=tmp_path, secrets={"slack": {"token": "hook"}})
    assert loaded.secrets["slack"]["token"] == "hook"


@pytest.mark.parametrize("name", ["Score__c; DROP", "a b", "1abc", "x'y", "Näme", ""])
def test_a_field_name_that_could_leave_its_place_is_refused(name):
    with pytest.raises(ValueError, match="is not a field"):
        CompanyConfig.model_validate({"connections": {"salesforce": {"account_key": name}}})


@pytest.fixture
def post():
    server = MailServer()
    yield server
    server.close()


def smtp(post):
    return SmtpDestination("email", SmtpOptions(), Secret(), no_pace(), open_line=post.line)


def test_a_draft_goes_to_its_owner_under_a_fixed_id(post):
    mail, promise = smtp(post), effect("draft_email")
    assert mail.deliver(promise) == f"<{promise.key}@example.com>"
    (message,) = post.messages
    assert (message["To"], message["X-Customer-Health-Key"]) == ("dana@example.com", promise.key)


@pytest.mark.parametrize(
    ("fault", "error"), [("before", UnknownOutcomeError), ("after", UnknownOutcomeError)]
)
def test_a_mail_whose_acceptance_was_not_seen_is_never_repeated_by_us(post, fault, error):
    post.fault_of_all = fault
    with pytest.raises(error):
        smtp(post).deliver(effect("draft_email"))
    with pytest.raises(CannotTellError) as caught:
        smtp(post).find(effect("draft_email"))
    assert "Ask the owner" in caught.value.hint


@pytest.mark.parametrize(("code", "error"), [("550", RejectedError), ("451", (BusyError, RejectedError))])
def test_a_mail_server_that_says_no_is_understood(post, code, error):
    post.fault_of_all = code
    with pytest.raises(error):
        smtp(post).deliver(effect("draft_email"))


def test_a_certificate_that_nobody_trusts_stops_the_channel():
    assert isinstance(
        http_faults.of_exception("X", requests.exceptions.SSLError("self signed")),
        DestinationUnavailableError,
    )
