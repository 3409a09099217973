"""Words by which companies call what the canonical tables call otherwise; only drafting uses them.

Words stand by language in `words/`; here are the patterns of names, tried where no known word fits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import yaml

Words = Mapping[str, tuple[str, ...]]
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "#": "no"})


@dataclass(frozen=True)
class Vocabulary:
    """Words of all languages, as `plain` writes them.

    Attributes:
        tables: Canonical table -> parts of the names of files.
        columns: Canonical column -> names of columns.
        identity: Canonical table -> names of the column with its own id.
        happened: Canonical table -> names of the column with the day on which it happened.
        values: Canonical value -> words in cells.
        states: Canonical table -> its state -> words in cells.
    """

    tables: Words
    columns: Words
    identity: Words
    happened: Words
    values: Words
    states: Mapping[str, Words]


@cache
def vocabulary() -> Vocabulary:
    """Read the words of every language, the English first."""
    folder = resources.files(__package__) / "words"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")),
        key=lambda file: (file.name != "english.yaml", file.name),
    )
    read = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    states = [one.get("states", {}) for one in read]
    return Vocabulary(
        **{
            name: _joined(one.get(name, {}) for one in read)
            for name in ("tables", "columns", "identity", "happened", "values")
        },
        states={
            table: _joined(one.get(table, {}) for one in states)
            for table in dict.fromkeys(table for one in states for table in one)
        },
    )


def _joined(parts: Iterable[Mapping[str, list[str]]]) -> Words:
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for key, words in part.items():
            found.setdefault(key, {}).update(dict.fromkeys(plain(str(word)) for word in words))
    return {key: tuple(words) for key, words in found.items()}


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """Return a name as words: `Account ID`, `accountId`, `account_id` are one, `Número` is `numero`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", unicodedata.normalize("NFKC", name))
    marked = unicodedata.normalize("NFD", name.lower().translate(_UMLAUTS))
    bare = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", marked))
    return re.sub(r"[\W_]+", "_", bare).strip("_")


_WHO = "(customer|account|company|client|org|organi[sz]ation|tenant|workspace|kunden|firmen|klant|klanten)"
_NUMBER = "(id|n|no|nr|num|numero|code|cod|codigo|codice|identifiant|identificador)"
_WHOSE = "(client|cliente|clienti|compte|cuenta|conta|empresa|societe|azienda|entreprise)"
PATTERNS: Mapping[str, str] = {
    "account_id": rf"(.*_)?{_WHO}_?(external_)?(id|no|nr|num|number|nummer|key|code|uid|uuid|ref)"
    rf"|{_NUMBER}_((de|da|do|del|de_la|della|du)_)?{_WHOSE}|{_WHOSE}_(id|no|code)",
    "name": rf"{_WHO}(_name)?|firma",
    "contract_id": r"(contract|subscription|deal|agreement)_?(id|no|nr|number|key)",
    "arr": r"(annual|yearly).*(fee|value|amount|revenue|price)|arr.*",
    "segment": r".*(segment|size|size_class|groesse)",
    "seats": r".*(seats|licen[cs]es|users)(_count|_licensed)?",
    "occurred_at": r"(created|opened|issued|submitted|answered|started|held|known)(_on|_at|_since|_date)?",
    "resolved_at": r"(closed|solved|resolved|completed)(_on|_at|_date)?",
    "first_response_at": r"first_(response|reply|answer)(_on|_at|_date)?",
    "term_end": r"(renewal|renews|expiry|expires)(_on|_at|_date)?",
    "paid_at": r"(paid|settled)(_on|_at|_date)?",
    "due_at": r"due(_on|_at|_date)?",
    "notice_at": r"(notice|cancellation_requested)(_on|_at|_date|_given)?",
    "owner_email": r"(csm|owner|account_manager)(_email)?",
    "events": r"(event|usage|action|hit|login|session|click|call)s?_(counts?|totals?|cumulative|to_date|sum)"
    r"|month_total|(mtd|ytd|cumulative|running|lifetime)(_(count|total))?|.*_(mtd|ytd)"
    r"|(total|num|number_of|no_of|cumulative)_(events|usage|actions|hits|logins|sessions|clicks|calls)",
    "user_id": r"(user|login|member)(_id|_name)?",
    "reason": r"(why|reason).*",
}
"""Canonical column -> pattern of names, tried when no known word fits."""

MONTHLY = (
    r"mrr.*|monthly.*(fee|value|amount|revenue|price)|monats(betrag|preis|gebuehr)|maand(bedrag|prijs|tarief)"
    r"|(montant|prix|revenu|valor|preco|receita|importe|precio|cuota|importo|prezzo|canone)_"
    r"(mensuel|mensal|mensual|mensile)|mensalidade|mensualidad|月額.*|月間金額"
)
PRICED = (
    r"(unit_|plan_|subscription_|recurring_|base_|list_|net_)?(amount|price|fee|value)(_(per_(seat|user)|minor|cents))?"
    r"|betrag|preis|gebuehr|montant|prix|valor|preco|total|importe|monto|precio|importo|prezzo|canone|bedrag|prijs"
    r"|金額|料金|価格|単価|契約金額"
)
"""Money of a contract, of a period that the name does not tell."""
PRICE_OF_ONE = (
    r"unit_(amount|price).*|.*_per_(seat|user)|(list_)?price|preis|prix|preco|precio|prezzo|prijs|単価"
)
PERIODS = (
    r"(.*_)?(interval|period|cycle|frequency|cadence)(_unit)?|billing|billed|(billing_)?term|turnus|zahlungsweise"
    r"|abrechnung(s(zeitraum|intervall|art))?|periodicite|periodicidade|frequence|frequencia"
    r"|periodo|periodicidad|frecuencia|ciclo|frequenza|periodicita|periodiciteit|facturatieperiode"
    r"|支払周期|請求周期|請求サイクル|支払サイクル|契約単位"
)
"""Columns with the word for a billing period."""
PERIOD_COUNTS = (
    r"(.*_)?(interval|period|cycle|billing)_(count|length)|(billing_)?frequency|every|billing_period|period"
)
"""Columns with how many periods one bill pays for."""
TERM_MONTHS = (
    r"(contract_|subscription_|initial_)?(term|duration|length)(_length|_duration)?_?(in_)?(months?|mo)"
    r"|(contract_|subscription_|initial_)?term(_length)?|months|laufzeit(_in)?(_monate[n]?)?|duree(_mois)?|契約期間"
)
"""Columns with how many months a term has."""
ENDED = (
    r"(end|ended|cancel|cancelled|canceled|terminated|termination|expired|churn|churned|customer_to)(_on|_at|_date)?"
    r"|vertragsende|ende|beendet_am|gekuendigt_(am|zum)|kuendigung_zum|austritt(sdatum)?"
    r"|date_(de_)?resiliation|resilie_le|fecha_(de_)?(baja|cancelacion)|cancelado_em|data_(de_|do_)?cancelamento"
    r"|data_(disdetta|cessazione)|opzegdatum|opgezegd_per|解約日|退会日"
)
"""When a contract or a customer ended."""
SPOKEN = (
    r"(canceled|cancelled|cancel(lation)?_(requested|request|scheduled|created|schedule_created)|gekuendigt|notice(_given)?)"
    r"(_at|_on|_am|_date)?"
)
"""Ends that are rather the day of the notice, if there is a better one."""
EXPIRES = r"(expires|expiry|expiration)(_at|_on|_date)?"
"""The end of a term that goes on no further, where another column has the renewal date."""
CANCELS = r"(cancels?|canceled|cancelled|will_cancel)_at_(period|term)_end|does_not_renew|non_renewing"
"""Flags of a subscription that ends with its term."""
ENDING = ("non_renewing", "non-renewing", "cancel", "pending_cancellation", "cancel_at_period_end")
"""Words for a subscription that ends with its term."""

EVENT_IDS = ("event_id", "insert_id", "event_uuid", "message_id", "uuid", "hit_id", "log_id")
"""Columns that name an event."""
NO_SEATS = (
    r"add-?on|storage|\bgb\b|\bapi\b|\bsms\b|\bcalls?\b|\bcredits?\b|quota|\btokens?\b|\bminutes?\b"
    r"|support|onboarding|service"
)
"""Words in a row of a contract that sells something else than seats."""
MINOR_UNITS = r"amount(_due|_paid|_total|_remaining)?|unit_amount|.*_(cents|minor)"
"""Names of amounts that billing systems tell in cents."""
