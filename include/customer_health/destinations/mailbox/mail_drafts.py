"""E-mail drafts: into the owner's mailbox by Gmail or Graph, or to the owner by SMTP. Never to a customer.

Gmail and Graph are asked for the draft's Message-ID before anything is sent again. SMTP cannot be asked:
a message whose acceptance was not seen is never repeated by us, and a person decides (at most once).
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from customer_health.connections.gmail_connection import GmailOptions
from customer_health.connections.graph_connection import GraphOptions
from customer_health.connections.mailbox_connection import MailboxOptions
from customer_health.connections.smtp_connection import SmtpOptions
from customer_health.delivery import call_guard, http_faults
from customer_health.delivery.http_client import HttpClient
from customer_health.delivery.http_faults import CannotTellError, DestinationUnavailableError
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations import opening, payload_values
from customer_health.destinations.mailbox import digest_mail
from customer_health.destinations.oauth_tokens import RenewingHttpClient
from customer_health.destinations.safe_text import clean
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import CustomerHealthError
from customer_health.settings import Settings

# It stands in a header and in a path: nothing that could leave its place there.
ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
MOST_BYTES = 200_000


def draft(effect: Effect, options: MailboxOptions, *, to_forward: bool = False) -> EmailMessage:
    """Return the message: to the person who may send it on, under a Message-ID made of the effect's key.

    Args:
        effect: The draft.
        options: Of the mailbox.
        to_forward: It arrives as a mail from us, not as a draft of their own: say first whom it is for.

    Raises:
        RejectedError: The effect is not a draft.
    """
    if effect.verb != "draft_email":
        raise payload_values.unsupported("E-mail", effect)
    sender = clean(effect.payload["sender"]["email"], 200)
    if not ADDRESS.fullmatch(sender):
        raise RejectedError(f"'{sender}' is not an e-mail address.", hint="Correct the owner's address.")
    message = EmailMessage()
    message["Message-ID"] = message_id(effect, options)
    message["From"] = options.sender
    message["To"] = sender
    message["Subject"] = clean(effect.payload["subject"], 150)
    message["X-Customer-Health-Key"] = effect.key
    message["Auto-Submitted"] = "auto-generated"
    noted = str(effect.payload.get("for_whom") or "") if to_forward else ""
    message.set_content((f"[{noted}]\n\n" if noted else "") + str(effect.payload["body"])[:20_000])
    for file in attachments(effect):
        kind, _, part = file.type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=part, filename=file.name)
    return message


@dataclass(frozen=True)
class File:
    """Something that travels with a draft."""

    name: str
    type: str
    content: bytes


def attachments(effect: Effect) -> list[File]:
    """Return the files of a draft: name, media type and text stand in its payload.

    Raises:
        RejectedError: A name or type could leave its place in a header, or a file is too long.
    """
    found = []
    for file in effect.payload.get("attachments", ()):
        name, kind, content = str(file["name"]), str(file["type"]), str(file["text"]).encode()
        if not _FILE_NAME.fullmatch(name) or not _MEDIA_TYPE.fullmatch(kind) or len(content) > MOST_BYTES:
            raise RejectedError(
                "An attachment has a name, a type or a size that no mail may have.",
                hint=f"Use letters, digits, dots and hyphens, and at most {MOST_BYTES:,} bytes.",
            )
        found.append(File(name, kind, content))
    return found


def message_id(effect: Effect, options: MailboxOptions) -> str:
    """Return the id that every attempt of this effect has."""
    return f"<{effect.key}@{options.sender.rpartition('@')[2]}>"


class SmtpDestination:
    """Sends the draft to its owner.

    Args:
        name: The role it plays; selects its outbox rows.
        options: Host and sender.
        secret: `username` and `password`, or nothing for a relay that trusts us.
        pace: Waits before each message.
        open_line: Tests put their own.
    """

    def __init__(
        self,
        name: str,
        options: SmtpOptions,
        secret: Mapping[str, str],
        pace: RateLimiter,
        *,
        open_line: Callable[[], smtplib.SMTP] | None = None,
    ) -> None:
        self.name, self.options, self.pace = name, options, pace
        self._secret = secret
        self._open = open_line or self._connect

    def _connect(self) -> smtplib.SMTP:
        options = self.options
        line = smtplib.SMTP(options.host, options.port, timeout=options.timeout_seconds)
        line.starttls(context=ssl.create_default_context())
        if "username" in self._secret:
            line.login(self._secret["username"], self._secret["password"])
        return line

    def check(self) -> None:
        """Log in and hang up.

        Raises:
            BusyError, DestinationUnavailableError: As for `deliver`.
        """
        self._opened().close()

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Find nothing, or raise what `check` raises."""
        self.check()
        return iter(())

    def find(self, effect: Effect) -> str | None:
        """Nobody can tell.

        Raises:
            CannotTellError: Always.
        """
        raise CannotTellError(
            "The mail server's answer was lost, and it cannot be asked.",
            hint="Ask the owner for the message; resend it with a reason if it never came.",
        )

    def deliver(self, effect: Effect) -> str:
        """Send the draft and return its Message-ID.

        Raises:
            UnknownOutcomeError: The line broke after the message had begun to travel.
        """
        if effect.verb == "send_digest":
            message = digest_mail.message(effect, self.options.sender, message_id(effect, self.options))
        else:
            message = draft(effect, self.options, to_forward=True)
        self.pace.wait()
        line = self._opened()
        try:
            with _before_it_travels():
                line.ehlo_or_helo_if_needed()
                _understood(*line.mail(self.options.sender))
                _understood(*line.rcpt(str(message["To"])))
            call_guard.check()
            _understood(*line.data(message.as_bytes(policy=SMTP)))
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise UnknownOutcomeError(
                f"The mail server's answer was lost ({type(error).__name__})."
            ) from None
        finally:
            line.close()
        return str(message["Message-ID"])

    def _opened(self) -> smtplib.SMTP:
        try:
            return self._open()
        except smtplib.SMTPAuthenticationError as error:
            raise DestinationUnavailableError(
                f"The mail server refused our login: {error.smtp_code}.",
                hint="Renew the mail server's credentials.",
                needs_person=True,
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise BusyError(f"The mail server could not be reached ({type(error).__name__}).") from None


def _understood(code: int, words: bytes) -> None:
    """Raise what a reply that is not a yes means."""
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, words)


def _refused(code: int) -> CustomerHealthError:
    said = f"The mail server answered {code}."
    if code in (530, 535):
        hint = "Give the mail server's credentials, or renew them."
        return DestinationUnavailableError(said, hint=hint, needs_person=True)
    if 400 <= code < 500:
        return BusyError(said, retry_after=300.0)
    if 500 <= code < 600:
        return RejectedError(said, hint="Check sender and recipient, then resend.")
    return UnknownOutcomeError("The mail server's answer cannot be understood.")  # it may well be a yes


@contextmanager
def _before_it_travels() -> Iterator[None]:
    """A server that hangs up before it was given the message has taken nothing."""
    try:
        yield
    except smtplib.SMTPResponseException:
        raise
    except (OSError, smtplib.SMTPException) as error:
        raise BusyError(f"The mail server hung up ({type(error).__name__}).", retry_after=60.0) from None


class _MailboxDestination(ABC):
    """A draft in the owner's mailbox, by the vendor's own interface.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: To the vendor; its token may write drafts.
        options: Sender.
    """

    def __init__(self, name: str, wire: HttpClient, options: MailboxOptions) -> None:
        self.name, self.wire, self.options = name, wire, options

    @abstractmethod
    def check(self) -> None:
        """Ask for something that needs our credentials; errors as for `deliver`."""

    @abstractmethod
    def copies(self, effect: Effect) -> list[str]:
        """Return every draft that carries the effect's key."""

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Find nothing, or raise what `check` raises."""
        self.check()
        return iter(())

    def find(self, effect: Effect) -> str | None:
        """Ask for the draft by its key."""
        return next(iter(self.copies(effect)), None)


class GmailDestination(_MailboxDestination):
    """Puts the draft into the owner's Gmail, at gmail.googleapis.com; found by its Message-ID."""

    def check(self) -> None:
        """Ask who we are; errors as for `deliver`. A service account is nobody: it asks for the sender."""
        delegated = isinstance(self.wire, RenewingHttpClient) and self.wire.tokens.delegated
        self.wire.call("GET", f"/gmail/v1/users/{self.options.sender if delegated else 'me'}/profile")

    def copies(self, effect: Effect) -> list[str]:
        """Return every draft with the effect's Message-ID."""
        wanted = f"rfc822msgid:{message_id(effect, self.options).strip('<>')}"
        with http_faults.reading():
            found = self.wire.call("GET", self._path(effect), params={"q": wanted, "maxResults": "10"})
        drafts = (found or {}).get("drafts") or []
        return [str(draft["id"]) for draft in drafts]

    def deliver(self, effect: Effect) -> str:
        """Create the draft and return its id."""
        raw = base64.urlsafe_b64encode(bytes(draft(effect, self.options))).decode()
        made: dict[str, Any] = self.wire.call("POST", self._path(effect), json={"message": {"raw": raw}})
        return str(made["id"])

    def _path(self, effect: Effect) -> str:
        draft(effect, self.options)  # refuses an address that could leave its place in the path
        return f"/gmail/v1/users/{effect.payload['sender']['email']}/drafts"


# A property of ours on the message: Graph gives drafts a Message-ID of its own.
GRAPH_KEY = "String {5b1c1b0e-6a55-5f0e-9d7e-0a7f3f0d3c11} Name customer_health_key"


class GraphDestination(_MailboxDestination):
    """Puts the draft into the owner's Outlook, at https://graph.microsoft.com, with Mail.ReadWrite."""

    def check(self) -> None:
        """Ask for our organisation; errors as for `deliver`."""
        self.wire.call("GET", "/v1.0/organization")

    def copies(self, effect: Effect) -> list[str]:
        """Return every draft with the property that holds our key."""
        wanted = f"singleValueExtendedProperties/Any(p: p/id eq '{GRAPH_KEY}' and p/value eq '{effect.key}')"
        with http_faults.reading():
            found = self.wire.call("GET", self._path(effect), params={"$filter": wanted, "$select": "id"})
        rows = (found or {}).get("value") or []
        return [str(row["id"]) for row in rows]

    def deliver(self, effect: Effect) -> str:
        """Create the draft and return its id."""
        message = draft(effect, self.options)
        body = {
            "subject": str(message["Subject"]),
            "body": {"contentType": "Text", "content": str(effect.payload["body"])[:20_000]},
            "singleValueExtendedProperties": [{"id": GRAPH_KEY, "value": effect.key}],
            "attachments": [
                {
                    "@odata.type": "#microsoft.graph.fileAttachment",
                    "name": file.name,
                    "contentType": file.type,
                    "contentBytes": base64.b64encode(file.content).decode(),
                }
                for file in attachments(effect)
            ],
        }
        made: dict[str, Any] = self.wire.call("POST", self._path(effect), json=body)
        return str(made["id"])

    def _path(self, effect: Effect) -> str:
        draft(effect, self.options)
        return f"/v1.0/users/{effect.payload['sender']['email']}/messages"


def open_smtp(role: str, settings: Settings) -> SmtpDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(SmtpOptions)
    return SmtpDestination(role, options, opening.secret_of("smtp", settings), opening.pace_of(options))


def open_gmail(role: str, settings: Settings) -> GmailDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(GmailOptions)
    scope = "https://www.googleapis.com/auth/gmail.compose"
    base = "https://gmail.googleapis.com"
    wire = opening.renewing_wire("gmail", "Gmail", base, settings, options, scope)
    return GmailDestination(role, wire, options)


def open_graph(role: str, settings: Settings) -> GraphDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(GraphOptions)
    base = "https://graph.microsoft.com"
    wire = opening.renewing_wire("graph", "Graph", base, settings, options, f"{base}/.default")
    return GraphDestination(role, wire, options)
