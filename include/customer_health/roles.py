"""Who sees which customers: nobody is limited until the company file says so.

A CSM sees the accounts that carry the own address as owner, a manager those of the team as well, a lead all.
Airflow's permissions hold besides: who may not read scores there sees nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from customer_health.sections import Address, Section


class RolesConfig(Section):
    """Who sees which customers, on the page, in its files and through the MCP server."""

    limited: bool = Field(False, description="true: people see their own customers only, leads all of them")
    people: Mapping[str, Address] = Field(
        default_factory=dict,
        description="Airflow's user name -> address in owner_email; a name that is an address needs none",
    )
    leads: tuple[Address, ...] = Field((), description="see every customer, and make final calls")
    teams: Mapping[Address, tuple[Address, ...]] = Field(
        default_factory=dict,
        description="manager -> owners of the team, besides accounts that name the manager in manager_email",
    )


@dataclass(frozen=True)
class Viewer:
    """One person with what may be seen.

    Attributes:
        name: As Airflow knows the person; decisions are signed with it.
        address: In small letters; empty where nobody said which one it is.
        everything: Whether nothing is hidden.
        owners: Owners whose accounts are shown, in small letters.
        limited: Whether the company limits anybody at all.
    """

    name: str
    address: str = ""
    everything: bool = True
    owners: frozenset[str] = frozenset()
    limited: bool = False

    def sees(self, owner: str | None, manager: str | None) -> bool:
        """Whether an account of this owner and manager is shown."""
        if self.everything:
            return True
        mine = bool(self.address) and (manager or "").lower() == self.address
        return mine or (bool(owner) and str(owner).lower() in self.owners)

    def leads(self, owner: str | None, manager: str | None) -> bool:
        """Whether the person answers for the number of an account of this owner and manager."""
        if self.everything:
            return True
        return self.sees(owner, manager) and (owner or "").lower() != self.address


EVERYBODY = Viewer("")


def viewer_of(name: str, roles: RolesConfig) -> Viewer:
    """Return what a person may see; somebody of whom no address is known sees no customer."""
    if not roles.limited:
        return Viewer(name)
    address = (roles.people.get(name) or (name if "@" in name else "")).lower()
    if address and address in {lead.lower() for lead in roles.leads}:
        return Viewer(name, address, everything=True, limited=True)
    team = {
        owner.lower()
        for manager, owners in roles.teams.items()
        if manager.lower() == address
        for owner in owners
    }
    return Viewer(name, address, False, frozenset({address, *team} - {""}), limited=True)
