"""The ledger: what we published, decided and promised. Small, transactional, with real unique keys."""
