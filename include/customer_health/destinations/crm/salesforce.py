"""Salesforce: tasks, opportunities and score fields, 200 rows a call, idempotent by external id.

A Task can carry an external id only where the org has such a field on Activity; `describe` tells. Where
it has the field but not as a unique external id, a task is looked up by key and then created.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from customer_health.connections.connection_options import Secret
from customer_health.connections.salesforce_connection import SalesforceOptions
from customer_health.delivery.batching import Outcome, built, by_verb, isolating, one
from customer_health.destinations import opening, payload_values
from customer_health.destinations.crm.salesforce_bulk import MOST_ROWS, Job
from customer_health.destinations.crm.salesforce_client import FIXES, NAME, SalesforceClient, fault_of_row
from customer_health.effects.destination import RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import FatalError
from customer_health.settings import Settings

OBJECTS = {"create_task": "Task", "create_opportunity": "Opportunity", "set_fields": "Account"}
PRIORITY = {"critical": "High", "high": "High", "medium": "Normal", "low": "Low"}
_RECORD_ID = re.compile(r"record with id: ([a-zA-Z0-9]{15,18})")
Record = dict[str, Any]


class SalesforceDestination:
    """Writes to one org.

    Args:
        name: The role it plays; selects its outbox rows.
        client: An authenticated line.
        options: Field names and versions.
        fallback_owner: E-mail of the person who gets what has no owner in Salesforce.
    """

    batch = 200
    bulk_verb, bulk_most = "set_fields", MOST_ROWS

    def __init__(
        self, name: str, client: SalesforceClient, options: SalesforceOptions, *, fallback_owner: str = ""
    ) -> None:
        self.name, self.client, self.options = name, client, options
        self.fallback_owner = fallback_owner.lower()
        self.bulk_from = options.bulk_from
        self.sleep: Callable[[float], None] = time.sleep  # while a bulk job works
        self._accounts: dict[str, set[str]] = {}
        self._users: dict[str, str] = {}
        self._task_key: bool | None = None

    def repeatable(self, effect: Effect) -> bool:
        """Upserts are; a task only where the key is a unique external id on Activity."""
        return effect.verb in ("create_opportunity", "set_fields") or (
            effect.verb == "create_task" and self.tasks_have_external_id()
        )

    def tasks_have_external_id(self) -> bool:
        """Ask the org once whether a Task can be upserted by our key.

        Raises:
            RejectedError: The field is missing altogether.
        """
        if self._task_key is None:
            fields = self.client.call("GET", "sobjects/Task/describe")["fields"]
            key = next((field for field in fields if field["name"] == self.options.action_key), None)
            if key is None:
                raise RejectedError(
                    f"Task has no field {self.options.action_key}.",
                    hint="Create it on Activity: Text(36), unique, external id if the org offers it.",
                )
            self._task_key = bool(key.get("externalId")) and bool(key.get("unique"))
        return self._task_key

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is missing for us there, and what to do; nothing is written."""
        options, call = self.options, self.client.call
        wanted: Mapping[str, tuple[str, ...]] = {
            "Account": (options.account_key, options.action_key, *options.fields.values()),
            "Opportunity": (options.action_key,),
            "Task": (options.action_key,),
        }
        for kind, names in wanted.items():
            fields: dict[str, dict[str, Any]] = {
                field["name"]: field for field in call("GET", f"sobjects/{kind}/describe")["fields"]
            }
            place = "Activity" if kind == "Task" else kind
            for name in names:
                if name not in fields and name != "Id":
                    yield (
                        f"{kind} has no field {name} that our user can see.",
                        f"Create it on {place}; give our user's permission set read and edit on it.",
                    )
                elif name != "Id" and not fields[name].get("updateable", True):
                    yield f"{kind}.{name} is read-only for us.", "Give the permission set edit on the field."
            key = options.account_key if kind == "Account" else options.action_key
            field = fields.get(key, {})
            if field and not (field.get("externalId") and field.get("unique")):
                if kind == "Task":
                    continue  # then tasks are looked up before they are created: slower, and as safe
                yield (
                    f"{kind}.{key} is not a unique external id.",
                    "Tick Unique and External ID on the field.",
                )

    def find(self, effect: Effect) -> str | None:
        """Return the Id of the record that carries the effect's key."""
        if effect.verb not in OBJECTS:
            return None
        landed = self._landed(OBJECTS[effect.verb], [effect.key])
        return landed.get(effect.key)

    def copies(self, effect: Effect) -> list[str]:
        """Return the Id of every record that carries the effect's key."""
        key = self.options.action_key
        query = f"SELECT Id, {key} FROM {OBJECTS[effect.verb]} WHERE {key} IN {{}}"
        return [str(record["Id"]) for record in self.client.query(query, [effect.key])]

    def deliver(self, effect: Effect) -> str:
        """Write one effect; errors as in `deliver_many`."""
        return one(self.deliver_many([effect])[0])

    def deliver_many(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write effects; rows that Salesforce refuses fail alone."""
        return by_verb(effects, OBJECTS, self._write, partial(payload_values.unsupported, NAME))

    def deliver_bulk(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write many accounts' fields as one bulk job; of several days of an account the newest."""
        records = [built(self._account_record, effect) for effect in effects]
        newest: dict[str, tuple[Effect, Record]] = {}
        for effect, record in zip(effects, records, strict=True):
            held = newest.get(effect.account_id)
            if isinstance(record, dict) and (held is None or held[0].as_of <= effect.as_of):
                newest[effect.account_id] = (effect, record)
        by_id = self.options.account_key == "Id"
        rows = [
            {
                ("Id" if name == "id" else name): value
                for name, value in record.items()
                if name != "attributes"
            }
            for _effect, record in newest.values()
        ]
        job = Job(
            self.client,
            "Account",
            "update" if by_id else "upsert",
            None if by_id else self.options.account_key,
            self.options.action_key,
            self.options.bulk_wait_seconds,
            self.sleep,
        )
        fates = job.run(rows) if rows else {}
        lost = UnknownOutcomeError(f"The bulk job {job.id} says nothing about this row.")
        return [
            record if isinstance(record, Exception) else fates.get(newest[effect.account_id][0].key, lost)
            for effect, record in zip(effects, records, strict=True)
        ]

    def _write(self, verb: str, effects: Sequence[Effect]) -> list[Outcome]:
        records = self._records(verb, effects)
        outcomes: list[Outcome] = [
            record if isinstance(record, Exception) else UnknownOutcomeError("Salesforce left it out.")
            for record in records
        ]
        open_places = [place for place, record in enumerate(records) if isinstance(record, dict)]
        if verb == "create_task" and not self.tasks_have_external_id():
            landed = self._landed("Task", [effects[place].key for place in open_places])
            for place in list(open_places):
                if there := landed.get(effects[place].key):
                    outcomes[place] = there
                    open_places.remove(place)
        rows = [(effects[place], records[place]) for place in open_places]
        for place, outcome in zip(open_places, isolating(partial(self._send, verb), rows), strict=True):
            outcomes[place] = outcome
        return outcomes

    def _records(self, verb: str, effects: Sequence[Effect]) -> list[Record | FatalError]:
        if verb == "set_fields":
            return [built(self._account_record, effect) for effect in effects]
        accounts = self._account_ids({effect.account_id for effect in effects})
        owners = self._user_ids({payload_values.owner(effect) for effect in effects})
        records: list[Record | FatalError] = []
        for effect in effects:
            account = accounts.get(effect.account_id, set())
            owner = owners.get(payload_values.owner(effect)) or owners.get(self.fallback_owner)
            if len(account) > 1:
                records.append(
                    RejectedError(
                        f"{len(account)} Salesforce accounts have {self.options.account_key} = "
                        f"{effect.account_id}.",
                        hint=FIXES["DUPLICATE_EXTERNAL_ID"],
                    )
                )
            elif not account:
                records.append(
                    RejectedError(
                        f"No Salesforce account has {self.options.account_key} = {effect.account_id}.",
                        hint="It was deleted, merged or never linked; set the field, then resend.",
                    )
                )
            elif owner is None:
                records.append(
                    RejectedError(
                        "Neither the owner nor the fallback owner is an active Salesforce user.",
                        hint="Give the account an active owner, or correct playbooks.fallback_owner.",
                    )
                )
            else:
                build = self._task_record if verb == "create_task" else self._opportunity_record
                records.append(built(partial(build, account=min(account), owner=owner), effect))
        return records

    def _task_record(self, effect: Effect, account: str, owner: str) -> Record:
        return {
            "attributes": {"type": "Task"},
            self.options.action_key: effect.key,
            "Subject": payload_values.subject(effect),
            "Description": payload_values.body(effect),
            "Priority": PRIORITY.get(str(effect.payload["priority"]), "Normal"),
            "Status": self.options.task_status,
            "ActivityDate": payload_values.due_day(effect),
            "WhatId": account,
            "OwnerId": owner,
        }

    def _opportunity_record(self, effect: Effect, account: str, owner: str) -> Record:
        return {
            "attributes": {"type": "Opportunity"},
            self.options.action_key: effect.key,
            "Name": payload_values.subject(effect),
            "StageName": self.options.opportunity_stage,
            "CloseDate": payload_values.close_date(effect),
            "Amount": effect.payload["amount"],
            "Description": payload_values.body(effect),
            "AccountId": account,
            "OwnerId": owner,
        }

    def _account_record(self, effect: Effect) -> Record:
        key = "id" if self.options.account_key == "Id" else self.options.account_key
        return {
            "attributes": {"type": "Account"},
            key: effect.account_id,
            self.options.action_key: effect.key,
        } | payload_values.account_values(effect, self.options.fields)

    def _send(self, verb: str, rows: Sequence[tuple[Effect, Any]]) -> list[Outcome]:
        kind, path, method = OBJECTS[verb], "composite/sobjects", "PATCH"
        if verb == "create_task" and not self.tasks_have_external_id():
            method = "POST"
        elif verb != "set_fields":
            path += f"/{kind}/{self.options.action_key}"
        elif self.options.account_key != "Id":
            path += f"/{kind}/{self.options.account_key}"
        # Two rows of one account in a call are refused both; the newest day is the truth.
        sent: dict[str, tuple[Effect, Any]] = {}
        for effect, record in sorted(rows, key=lambda row: row[0].as_of):
            sent[effect.account_id if verb == "set_fields" else effect.key] = (effect, record)
        body = {"allOrNone": False, "records": [record for _, record in sent.values()]}
        results = self.client.call(method, path, json=body) or []
        if len(results) != len(sent):
            raise UnknownOutcomeError(f"Salesforce answered {len(results)} results for {len(sent)} rows.")
        read = dict(zip(sent, map(self._outcome, results), strict=True))
        return [read[effect.account_id if verb == "set_fields" else effect.key] for effect, _ in rows]

    def _outcome(self, result: Mapping[str, Any]) -> Outcome:
        if result.get("success"):
            return str(result["id"])
        errors = result.get("errors") or []
        for error in errors:
            words = str(error.get("message", ""))
            code = error.get("statusCode") or error.get("errorCode")
            # Another call with the same key was faster: the record it names is ours.
            record = _RECORD_ID.search(words)
            if code == "DUPLICATE_VALUE" and self.options.action_key in words and record:
                return record[1]
        return fault_of_row(errors)

    def _landed(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        key = self.options.action_key
        found = self.client.query(f"SELECT Id, {key} FROM {kind} WHERE {key} IN {{}}", list(keys))
        return {str(record[key]): str(record["Id"]) for record in found}

    def _account_ids(self, wanted: Iterable[str]) -> dict[str, set[str]]:
        if self.options.account_key == "Id":
            return {account: {account} for account in wanted}
        key = self.options.account_key
        missing = sorted(set(wanted) - self._accounts.keys())
        for record in self.client.query(f"SELECT Id, {key} FROM Account WHERE {key} IN {{}}", missing):
            self._accounts.setdefault(str(record[key]), set()).add(str(record["Id"]))
        return self._accounts

    def _user_ids(self, wanted: Iterable[str]) -> dict[str, str]:
        missing = sorted(({*wanted, self.fallback_owner} - {""}) - self._users.keys())
        template = "SELECT Id, Email FROM User WHERE IsActive = true AND Email IN {} ORDER BY Id DESC"
        for record in self.client.query(template, missing):
            self._users[str(record["Email"]).lower()] = str(record["Id"])
        return self._users


def open_salesforce(role: str, settings: Settings) -> SalesforceDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(SalesforceOptions)
    # The client judges the credentials: it knows which sign-ins end.
    secret = settings.secrets.get("salesforce", Secret())
    client = SalesforceClient(options, secret, opening.session_for(options), opening.pace_of(options))
    return SalesforceDestination(
        role, client, options, fallback_owner=settings.config.playbooks.fallback_owner
    )
