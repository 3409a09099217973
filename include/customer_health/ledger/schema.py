"""The ledger's tables, in SQLAlchemy Core, for SQLite and PostgreSQL alike.

Three families. *Published*: scores with their history, and the champion that made them. *Decided*:
episodes (spells of trouble) and one decision per account, playbook and day. *Promised*: the outbox,
one row per effect under a unique key, and `deliveries`, the append-only delivery log of every attempt.
*Followed*: what became of tasks and episodes, who was held out, and what is switched off. *Read*: how far
each source has been asked, and what models answered about texts, at what cost.

Anybody who changes a table here adds a revision to migrations/versions that does the same to an older ledger.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from customer_health.ledger.schema_base import UtcDateTime as UtcDateTime
from customer_health.ledger.schema_base import metadata as metadata
from customer_health.ledger.schema_operations import erasures as erasures
from customer_health.ledger.schema_operations import retired_effects as retired_effects
from customer_health.ledger.schema_page import account_owners as account_owners
from customer_health.ledger.schema_page import portfolio_days as portfolio_days
from customer_health.ledger.schema_page import portfolio_rows as portfolio_rows
from customer_health.ledger.schema_people import overrides as overrides
from customer_health.ledger.schema_people import people_graphs as people_graphs
from customer_health.ledger.schema_people import pulses as pulses
from customer_health.ledger.schema_renewals import renewal_calls as renewal_calls
from customer_health.ledger.schema_sources import source_cursors as source_cursors
from customer_health.ledger.schema_sources import source_readings as source_readings
from customer_health.ledger.schema_texts import text_answers as text_answers
from customer_health.ledger.schema_texts import text_batches as text_batches
from customer_health.ledger.schema_texts import text_spending as text_spending

# The newest revision in migrations/versions; a ledger at another one is upgraded or refused (engine.py).
REVISION = "0018"
# Where an outbox row may stand; see ledger/outbox/transitions.py.
OUTBOX_STATES = (
    "pending",
    "claimed",
    "sending",
    "unknown",
    "checking",
    "delivered",
    "rejected",
    "awaiting_approval",
    "declined",
    "expired",
    "folded",
    "superseded",
)


# Alembic's own table: the revision that the ledger is at.
alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# How versions before revision 0008 knew a ledger; kept so that they refuse a newer one.
ledger_version = Table(
    "ledger_version",
    metadata,
    Column("version", Integer, primary_key=True),
)

score_runs = Table(
    "score_runs",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("first_published_at", UtcDateTime, nullable=False),  # the 48-hour clock starts here
    Column("published_at", UtcDateTime, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("model_id", String(128)),
    Column("code_version", String(32), nullable=False),
    Column("note", Text),  # who scored, and what was wrong with the model that should have
    Column("config", JSON(none_as_null=True)),  # settings that move scores; see scoring/earlier_scoring.py
)

scores = Table(
    "scores",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("score", Float),
    Column("score_shown", Integer),
    Column("tier", String(32)),
    Column("band", String(32)),
    Column("p90", Float),
    Column("p180", Float),
    Column("p_decision", Float),
    Column("attention", Boolean),
    Column("review", Boolean),  # no attention by the score, but headline facts pile up
    Column("lifecycle_score", Integer),  # of an account in its onboarding, against customers that stayed
    Column("lifecycle", JSON(none_as_null=True)),  # what it was compared with
    Column("held_band", String(32)),  # falls at once, rises when it has lasted: what ends an episode
    Column("meaning", String(32)),  # health_119d, rules; none: a probability within 180 days
    Column("p90_downgrade", Float),
    Column("p180_downgrade", Float),
    Column("p90_contraction", Float),
    Column("p180_contraction", Float),
    Column("loss90", Float),  # expected lost share of ARR, all losses together
    Column("loss180", Float),
    Column("expected_loss", Float),
    Column("coverage", Float),
    Column("why", Text),
    Column("explanation", Text),
    Column("reasons", JSON),
    Column("facts", JSON),  # headline facts, worst first: what happened, beside what the model weighs
    Column("topics", JSON),  # reasons and intents that the customer's own words state, and where
    Column("waterfall", JSON),
    Column("change", JSON),
    Column("lever", JSON),
    Column("tier_shown", String(32)),
    Column("band_shown", String(32)),
    Column("health_log_odds", Float),
    Column("carried", JSON),  # what the next score goes on from
    Column("mode", String(16)),
    Column("model_id", String(128)),
    Column("state", String(32), nullable=False),
    # What a reader of the score needs beside it; the page and the playbooks open no warehouse.
    Column("name", Text),
    Column("segment", String(64)),
    Column("plan", Text),
    Column("arr", Float),
    Column("currency", String(3)),
    Column("seats", Float),
    Column("renewal_date", Date),
    Column("days_to_renewal", Float),
    Column("tenure_days", Float),
    Column("notice_given", Boolean),
    Column("owner_email", Text),
    Column("manager_email", Text),
    Column("timezone", String(64)),
    Column("parent_account_id", String(255)),
    Index("scores_by_account", "account_id", "as_of"),
)

# The signals behind a score, for conditions and for the account page. Only recent days are kept
# here: the warehouse has all of them.
score_signals = Table(
    "score_signals",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("signals", JSON, nullable=False),
)

champions = Table(
    "champions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("model_id", String(128), nullable=False),
    Column("folder", Text, nullable=False),
    Column("sha256", JSON, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("trained_as_of", Date, nullable=False),
    Column("summary", JSON, nullable=False),
    Column("promoted_at", UtcDateTime, nullable=False),
)

# Trainings that did not take over at once: held back by a gate, or waiting for a person.
challengers = Table(
    "challengers",
    metadata,
    Column("model_id", String(128), primary_key=True),
    Column("folder", Text, nullable=False),
    Column("sha256", JSON, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("trained_as_of", Date, nullable=False),
    Column("summary", JSON, nullable=False),
    Column("state", String(16), nullable=False),  # held | pending | approved | rejected
    Column("reason", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcDateTime),
)

# Every training, whatever became of it; one that ended without a word is still "started".
training_runs = Table(
    "training_runs",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("outcome", String(16), nullable=False),  # see ledger/training_runs.py
    Column("model_id", String(128)),
    Column("reason", Text, nullable=False),
)

# Numbers of a report as the page shows them: the page opens no warehouse.
report_numbers = Table(
    "report_numbers",
    metadata,
    Column("kind", String(32), primary_key=True),  # see ledger/report_numbers.py
    Column("as_of", Date, primary_key=True),
    Column("content", JSON, nullable=False),
)

playbook_runs = Table(
    "playbook_runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("as_of", Date, nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("mode", String(16), nullable=False),  # live | too_old | superseded
    Column("counts", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
)

# When each playbook first ran here: one that comes to a company that already runs begins in shadow.
playbooks_known = Table(
    "playbooks_known",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("first_as_of", Date, nullable=False),
    Column("with_the_first_run", Boolean, nullable=False),
)

episodes = Table(
    "episodes",
    metadata,
    Column("episode_id", String(64), primary_key=True),
    Column("account_id", String(255), nullable=False, index=True),
    Column("opened_as_of", Date, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("opened_score", Integer, nullable=False),
    Column("previous_score", Integer),
    Column("inherited", Boolean, nullable=False),
    Column("red_since", Date, nullable=False),  # may lie before the first live run
    Column("arr", Float),
    Column("segment", String(64)),
    Column("owner", Text),
    Column("lowest_score", Integer, nullable=False),
    Column("suppressed_reason", Text),
    Column("recovered_as_of", Date),  # first of the readings that closed it
    Column("closed_as_of", Date),
    Column("outcome", String(16)),  # recovered | left
    Column("cause", String(16)),  # customer | calendar | model: what explains the fall
    Column("red_model_id", String(128)),  # who scored its last Red reading
    Column("recovery_cause", String(16)),  # customer | model: a new model saves nobody
    # Two runs at once must not open two episodes for one account.
    Index(
        "one_open_episode",
        "account_id",
        unique=True,
        sqlite_where=text("closed_as_of IS NULL"),
        postgresql_where=text("closed_as_of IS NULL"),
    ),
)

decisions = Table(
    "decisions",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("playbook", String(64), primary_key=True),
    Column("outcome", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("cycle_id", String(64)),  # the episode, renewal cycle or period it acts for
    Column("at", UtcDateTime, nullable=False),
    Index("decisions_by_account", "account_id", "as_of"),
    Index("decisions_by_outcome", "playbook", "outcome", "as_of"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("key", String(36), primary_key=True),
    Column("destination", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("account_id", String(255), nullable=False, index=True),
    Column("as_of", Date, nullable=False),
    Column("playbook", String(64), nullable=False),
    Column("step", String(64), nullable=False),
    Column("episode_id", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(32), nullable=False),  # see ledger/outbox/transitions.py
    Column("priority", Integer, nullable=False, default=5),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", UtcDateTime, nullable=False),
    Column("fence", Integer, nullable=False, default=0),
    Column("worker", String(64)),
    Column("lease_until", UtcDateTime),
    Column("sending_at", UtcDateTime),
    Column("remote_id", Text),
    Column("error", Text),
    Column("fix", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("after_key", String(36)),  # sent only once this one is delivered: a thread needs its parent
    Column("expires_at", UtcDateTime),  # an approval that nobody gave by then is none
    CheckConstraint("state IN (" + ", ".join(f"'{s}'" for s in OUTBOX_STATES) + ")", name="outbox_state"),
    Index("outbox_turn", "destination", "state", "priority", "created_at", "key"),  # in the order of claims
    Index("outbox_after", "after_key"),
    Index("outbox_by_playbook", "playbook", "verb", "as_of"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(36), ForeignKey("outbox.key"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("worker", String(64)),
    Column("fence", Integer, nullable=False),
    Column("event", String(16), nullable=False),
    Column("detail", Text),
)

# What people and clocks did with an episode, append-only; `ref` makes repeated knowledge one event.
episode_events = Table(
    "episode_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("episode_id", String(64), nullable=False, index=True),
    Column("kind", String(24), nullable=False),  # see ledger/episode_events.py
    Column("ref", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text),
    Column("detail", JSON, nullable=False),
    UniqueConstraint("episode_id", "kind", "ref"),
)

# Our tasks as the CRM last showed them.
task_states = Table(
    "task_states",
    metadata,
    Column("effect_key", String(36), ForeignKey("outbox.key"), primary_key=True),
    Column("task_id", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("owner", Text),
    Column("outcome", Text),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("known_at", UtcDateTime, nullable=False),
)

# Written in the transaction that opens the episode, before anybody can act.
holdout = Table(
    "holdout",
    metadata,
    Column("account_id", String(255), primary_key=True),
    Column("episode_id", String(64), nullable=False, index=True),
    Column("as_of", Date, nullable=False),
    Column("stratum", String(128), nullable=False),
    Column("arm", String(16), nullable=False),  # held_out | treated | not_eligible
    Column("why", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("salt", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# Kill switches that need no deployment.
kill_switches = Table(
    "kill_switches",
    metadata,
    Column("kind", String(16), primary_key=True),  # playbook | destination
    Column("name", String(64), primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
