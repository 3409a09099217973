"""A company that lives night by night, with what goes wrong in a year, and a person who clears red tasks."""

from tests.lib.nights.calendar import Incident, a_year_of_incidents
from tests.lib.nights.findings import findings
from tests.lib.nights.nights import Nights

__all__ = ["Incident", "Nights", "a_year_of_incidents", "findings"]
