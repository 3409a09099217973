"""The ledger's revisions, for Alembic; run by ledger/upgrade.py."""
