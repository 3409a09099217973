"""Invented names of companies and people, and the titles on their business cards."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator.observation import names
from customer_health.simulator.randomness import stream

_FIRST = (
    "Alder", "Amber", "Arctic", "Atlas", "Beacon", "Birch", "Blue", "Bright", "Cedar", "Cobalt",
    "Copper", "Coral", "Delta", "Echo", "Ember", "Falcon", "Fern", "Granite", "Harbor", "Hazel",
    "Indigo", "Iron", "Juniper", "Kestrel", "Lark", "Linden", "Lumen", "Maple", "Meadow", "Mica",
    "North", "Nova", "Oak", "Onyx", "Opal", "Orchard", "Pine", "Quartz", "Raven", "River", "Rowan",
    "Sable", "Sage", "Silver", "Sparrow", "Stone", "Summit", "Tidal", "Umber", "Vale", "Violet",
    "Willow", "Winter", "Wren", "Zephyr",
)  # fmt: skip
_SECOND = (
    "Analytics", "Apparel", "Biotech", "Capital", "Clinics", "Cloud", "Commerce", "Components",
    "Construction", "Dental", "Design", "Diagnostics", "Energy", "Engineering", "Farms", "Financial",
    "Foods", "Freight", "Furniture", "Games", "Hotels", "Insurance", "Instruments", "Interactive",
    "Labs", "Learning", "Logistics", "Machines", "Marine", "Media", "Mobility", "Networks", "Optics",
    "Outdoors", "Packaging", "Partners", "Payments", "Pharma", "Press", "Properties", "Retail",
    "Robotics", "Security", "Semiconductors", "Software", "Sports", "Steel", "Studios", "Supply",
    "Systems", "Textiles", "Travel", "Ventures", "Works",
)  # fmt: skip
_FORM = (
    "Inc", "GmbH", "Ltd", "LLC", "SAS", "AB", "BV", "Pty Ltd", "Corp", "Group",
)  # fmt: skip
HOSTILE_NAMES = (
    "Acme & <Sons>",
    "Robert'); DROP TABLE accounts;--",
    '"Quoted", Inc',
    '=HYPERLINK("http://example.com","Click")',
    "<!channel> Corp",
    "*Bold* _italic_ ~gone~ `code`",
    "{{ ds }} {% raw %} Ltd",
    "Line\nBreak & Tab\tCo",
    "Ünïcødé Straße 株式会社 🚀",
    "\u202eesreveR Ltd",
    "<script>alert('x')</script> GmbH",
    "@here | pipes || and \\backslashes\\",
    "The Very Long Named International Association for the Advancement of Names That Do Not Fit " * 2,
    "null",
    "  Leading and trailing  ",
)
_PEOPLE_FIRST = (
    "Ana", "Ben", "Chiara", "David", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam",
    "Mei", "Noah", "Olga", "Priya", "Quentin", "Rosa", "Sven", "Tara",
)  # fmt: skip
_PEOPLE_LAST = (
    "Abara", "Bianchi", "Castro", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen",
    "Kowalski", "Lopez", "Moreau", "Novak", "Okafor", "Patel", "Rossi", "Schmidt", "Tanaka", "Weber",
)  # fmt: skip
# Of customers' people: none is a colleague's, so that a name in a text tells which of the two it is.
_CONTACT_FIRST = (
    "Aarav", "Beatriz", "Camille", "Dana", "Emre", "Freya", "Goran", "Hana", "Ingrid", "João", "Kwame",
    "Lucía", "Marek", "Nadia", "Øyvind", "Petra", "Ravi", "Saoirse", "Thảo", "Uma", "Viktor", "Wanda",
    "Yusuf", "Zoë",
)  # fmt: skip
_CONTACT_LAST = (
    "Achterberg", "Brandão", "Chowdhury", "D'Angelo", "Espinoza", "Fairweather", "Grünwald", "Håkansson",
    "Iwasaki", "Jankowska", "Kaplan", "Lindqvist", "Mbeki", "Nguyễn", "O'Sullivan", "Petrov", "Quispe",
    "Ruiz-Peña", "Szabó", "Thorsen", "Umarov", "van der Meer", "Wójcik", "Yamada", "Zielińska",
)  # fmt: skip
_NAMELESS = 0.08  # of a CRM's contacts are a title and an address only
PLACES = (
    ("US", "America/New_York"),
    ("US", "America/Chicago"),
    ("US", "America/Los_Angeles"),
    ("GB", "Europe/London"),
    ("DE", "Europe/Berlin"),
    ("FR", "Europe/Paris"),
    ("SE", "Europe/Stockholm"),
    ("IN", "Asia/Kolkata"),
    ("JP", "Asia/Tokyo"),
    ("AU", "Australia/Sydney"),
    ("BR", "America/Sao_Paulo"),
    ("NZ", "Pacific/Auckland"),
)
INDUSTRIES = (
    "software", "manufacturing", "healthcare", "financial services", "retail", "logistics", "media",
    "education", "energy", "public sector",
)  # fmt: skip
EXECUTIVE_TITLES = (
    "Chief Operating Officer", "CFO", "VP Operations", "Vice President, Sales", "CTO",
    "SVP Customer Care", "Founder & CEO", "Chief Information Officer", "V.P. of Marketing", "President",
)  # fmt: skip
SENIOR_TITLES = (
    "Head of Operations", "Director of Analytics", "Managing Director", "Head of IT",
)  # fmt: skip
OTHER_TITLES = (
    "Operations Manager", "Business Analyst", "IT Administrator", "Team Lead", "Product Manager",
    "Assistant to the CEO", "Procurement Specialist", "Data Engineer",
)  # fmt: skip


def company_names(seed: int, count: int) -> list[str]:
    """Return distinct plausible names; about one in eighty is as hostile as names in the wild can be."""
    rng = stream(seed, "names")
    total = len(_FIRST) * len(_SECOND)
    order = rng.permutation(total)
    form = rng.integers(0, len(_FORM), count)
    chosen = []
    for number in range(count):
        lap, place = divmod(number, total)
        first, second = divmod(int(order[place]), len(_SECOND))
        again = f" {lap + 1}" if lap else ""
        chosen.append(f"{_FIRST[first]} {_SECOND[second]}{again} {_FORM[form[number]]}")
    for turn, number in enumerate(range(11, count, 80)):
        lap, place = divmod(turn, len(HOSTILE_NAMES))
        chosen[number] = HOSTILE_NAMES[place] + (f" {lap + 1}" if lap else "")
    return chosen


def email_of(number: int, offset: int = 0) -> str:
    """Return the address of our own employee `number`; different for each number."""
    first = _PEOPLE_FIRST[(number + offset) % len(_PEOPLE_FIRST)]
    lap, place = divmod(number, len(_PEOPLE_FIRST))
    last = _PEOPLE_LAST[(place + 7 * lap + offset) % len(_PEOPLE_LAST)]
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode().lower()
    serial = lap // len(_PEOPLE_LAST)
    return f"{plain}{serial or ''}@example.com"


def people_names(rng: np.random.Generator, count: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return given and family names of customers' people; both are None where the CRM has none."""
    nameless = rng.random(count) < _NAMELESS
    first, last = (
        names(options, (rng.random(count) * len(options)).astype(int))
        for options in (_CONTACT_FIRST, _CONTACT_LAST)
    )
    first[nameless] = last[nameless] = None
    return first, last


def owners(seed: int, count: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the e-mail addresses of each account's CSM (one per 40 accounts) and of that CSM's manager."""
    csms = max(1, round(count / 40))
    who = stream(seed, "owners").permutation(count) % csms
    mails = np.array([email_of(number) for number in range(csms)], dtype=object)
    managers = np.array(
        [f"manager.{email_of(number // 8, offset=3)}" for number in range(csms)], dtype=object
    )
    return mails[who], managers[who]


def titles(rng: np.random.Generator, executive: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return job titles; sponsors mostly are executives, one title in twelve is not known (None)."""
    count = len(executive)
    luck = rng.random(count)
    pick = rng.random(count)

    def some(options: tuple[str, ...]) -> NDArray[np.object_]:
        return names(options, (pick * len(options)).astype(int))

    high = np.where(luck < 0.86, some(EXECUTIVE_TITLES), some(SENIOR_TITLES))
    low = np.where(
        luck < 0.08, some(EXECUTIVE_TITLES), np.where(luck < 0.25, some(SENIOR_TITLES), some(OTHER_TITLES))
    )
    title = np.where(executive, high, low)
    title[rng.random(count) < 0.08] = None
    return title
