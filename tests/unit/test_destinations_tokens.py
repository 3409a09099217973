"""Tokens that last an hour: renewed by themselves, once when refused, and then a person is asked, once."""

import pytest
from tests.lib.destinations import effect, no_pace
from tests.lib.ledger import morning, new_ledger
from tests.lib.servers.base import Answer
from tests.lib.servers.calendars import GoogleCalendars
from tests.lib.servers.mail import GmailMailbox, GraphMailbox
from tests.lib.servers.tokens import TokenServer

from customer_health.connections.connection_options import Secret
from customer_health.connections.mailbox_connection import MailboxOptions
from customer_health.delivery.dispatch import deliver
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.mailbox.calendars import GoogleCalendarDestination
from customer_health.destinations.mailbox.mail_drafts import GmailDestination, GraphDestination
from customer_health.destinations.oauth_tokens import RenewingHttpClient, Tokens, token_url
from customer_health.effects.destination import BusyError
from customer_health.errors import ConfigurationError
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox

REFRESH = {"refresh_token": "refresh-1", "client_id": "c", "client_secret": "s"}
CREDENTIALS = {"client_id": "c", "client_secret": "s", "tenant": "acme.com"}


class Guarded:
    """A mailbox that accepts whatever tokens the token server gave out, and counts calls."""

    def __init__(self, kind, tokens):
        self.tokens, self.calls = tokens, []
        outer, inner = self, kind.answer

        def answer(server, request):
            outer.calls.append(request)
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in outer.tokens.good:
                return Answer(401, {"error": "invalid_token"})
            return inner(server, _as_key_1(request))

        self.server = type("GuardedServer", (kind,), {"answer": answer})()


def _as_key_1(request):
    return type(request)(**{**vars(request), "headers": {**request.headers, "authorization": "Bearer key-1"}})


@pytest.fixture
def issuer():
    server = TokenServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def key_pair():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode(), public.decode()


def wire(kind, mailbox, issuer, secret, clock=None):
    tokens = Tokens(
        kind,
        Secret(secret),
        issuer.session(),
        token_url(kind, secret),
        ("https://graph.microsoft.com/.default",),
        **({"clock": clock} if clock else {}),
    )
    session = mailbox.session()
    return RenewingHttpClient(kind, "https://mail.example.com", tokens, session=session, pace=no_pace())


@pytest.fixture
def gmail(issuer):
    box = Guarded(GmailMailbox, issuer)
    yield box
    box.server.close()


def test_a_token_is_fetched_once_and_kept(gmail, issuer):
    mail = GmailDestination("email", wire("gmail", gmail.server, issuer, REFRESH), MailboxOptions())
    for account in "abc":
        mail.deliver(effect("draft_email", account, to="email"))
    assert len(issuer.grants) == 1
    assert len(gmail.server.drafts) == 3


def test_a_spent_token_is_renewed_before_it_is_refused(gmail, issuer):
    clock = {"now": 0.0}
    line = wire("gmail", gmail.server, issuer, REFRESH, clock=lambda: clock["now"])
    mail = GmailDestination("email", line, MailboxOptions())
    mail.deliver(effect("draft_email", "a", to="email"))
    clock["now"] = 3600 - 60.0
    mail.deliver(effect("draft_email", "b", to="email"))
    assert len(issuer.grants) == 2
    assert all(call.headers["authorization"].startswith("Bearer key-") for call in gmail.calls)
    assert len(gmail.calls) == 2  # nobody was turned away


def test_a_withdrawn_token_is_renewed_once_and_the_draft_is_one(gmail, issuer):
    mail = GmailDestination("email", wire("gmail", gmail.server, issuer, REFRESH), MailboxOptions())
    mail.deliver(effect("draft_email", "a", to="email"))
    issuer.good.clear()
    mail.deliver(effect("draft_email", "b", to="email"))
    assert len(issuer.grants) == 2
    assert len(gmail.server.drafts) == 2


def test_a_new_token_that_is_refused_too_stops_the_channel_with_one_call_for_a_person(
    gmail, issuer, tmp_path
):
    """Five drafts wait, nobody loses one, and the remote is bothered twice."""
    issuer.broken = True
    mail = GmailDestination("email", wire("gmail", gmail.server, issuer, REFRESH), MailboxOptions())
    ledger = new_ledger(tmp_path)
    with writing(ledger) as connection:
        drafts = [effect("draft_email", account, to="email") for account in "abcde"]
        outbox.add(connection, drafts, now=morning(2))

    done = deliver(ledger, mail, now=lambda: morning(2))

    assert done.needs_person
    assert "Renew the credentials of gmail" in done.remedy
    assert len(gmail.calls) == 2
    assert len(issuer.grants) == 2
    assert {row["state"] for row in admin.find(ledger)} == {"pending"}
    issuer.broken = False
    later = deliver(ledger, mail, now=lambda: morning(3))
    assert later.delivered == 5
    ledger.dispose()


def test_a_refresh_token_that_was_withdrawn_says_so_and_repeats_no_secret(gmail, issuer):
    issuer.refresh_tokens.clear()
    mail = GmailDestination("email", wire("gmail", gmail.server, issuer, REFRESH), MailboxOptions())
    with pytest.raises(DestinationUnavailableError, match="invalid_grant") as caught:
        mail.deliver(effect("draft_email", to="email"))
    assert caught.value.needs_person
    assert "refresh-1" not in str(caught.value)
    assert gmail.calls == []


@pytest.mark.parametrize(
    "fault", ["429", "500_before", "reset_before", "reset_after", "garbage_after", "timeout_after"]
)
def test_a_token_server_in_trouble_means_later_and_never_unknown(gmail, issuer, fault):
    """Nothing was sent to the mailbox, so nothing needs to be looked up there."""
    line = wire("gmail", gmail.server, issuer, REFRESH)
    line.tokens._session.timeout = 0.5
    mail = GmailDestination("email", line, MailboxOptions())
    issuer.next.append(fault)
    with pytest.raises(BusyError):
        mail.deliver(effect("draft_email", to="email"))
    assert gmail.calls == []
    mail.deliver(effect("draft_email", to="email"))


def test_graph_gets_its_token_by_client_credentials_of_its_tenant(issuer):
    box = Guarded(GraphMailbox, issuer)
    mail = GraphDestination("email", wire("graph", box.server, issuer, CREDENTIALS), MailboxOptions())
    mail.deliver(effect("draft_email", to="email"))
    (grant,) = issuer.grants
    assert grant["grant_type"] == "client_credentials"
    (draft,) = box.server.drafts.values()
    assert draft["attachments"][0]["name"] == "invitation.ics"
    box.server.close()


def test_a_service_account_acts_for_each_owner_with_a_signed_assertion(issuer, key_pair):
    import jwt

    private, issuer.public_key = key_pair
    secret = {"client_email": "bot@acme.iam.gserviceaccount.com", "private_key": private}
    box = Guarded(GoogleCalendars, issuer)
    calendar = GoogleCalendarDestination("calendar", wire("google_calendar", box.server, issuer, secret))
    first = effect("propose_meeting", "a", to="calendar")
    other = effect("propose_meeting", "b", to="calendar", owner={"email": "lee@example.com"})
    for promise in (first, other, first):
        calendar.deliver(promise)

    whose = [jwt.decode(g["assertion"], options={"verify_signature": False})["sub"] for g in issuer.grants]
    assert whose == ["dana@example.com", "lee@example.com"]
    assert len(box.server.events) == 2
    box.server.close()


def test_a_key_that_cannot_be_read_is_said_without_repeating_it(issuer, gmail):
    secret = {"client_email": "bot@acme", "private_key": "-----BEGIN PRIVATE KEY-----\nSECRET"}
    mail = GmailDestination("email", wire("gmail", gmail.server, issuer, secret), MailboxOptions())
    with pytest.raises(DestinationUnavailableError, match="cannot be read") as caught:
        mail.deliver(effect("draft_email", to="email"))
    assert "SECRET" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_bare_access_token_works_until_it_is_refused(gmail, issuer):
    issuer.good.add("mine")
    line = wire("gmail", gmail.server, issuer, {"access_token": "mine"})
    mail = GmailDestination("email", line, MailboxOptions())
    mail.deliver(effect("draft_email", "a", to="email"))
    issuer.good.clear()
    with pytest.raises(DestinationUnavailableError):
        mail.deliver(effect("draft_email", "b", to="email"))
    assert issuer.grants == []


def test_incomplete_credentials_are_refused_with_what_would_do():
    with pytest.raises(ConfigurationError) as caught:
        Tokens("gmail", Secret({"client_id": "c"}), None, "", ())
    assert "refresh_token, client_id, client_secret" in caught.value.hint


@pytest.mark.parametrize("tenant", ["evil.example/x?", "a@b", "../common"])
def test_a_tenant_cannot_lead_elsewhere(tenant):
    with pytest.raises(ConfigurationError, match="not a tenant"):
        token_url("graph", {"tenant": tenant})
