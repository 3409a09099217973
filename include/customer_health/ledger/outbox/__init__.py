"""The outbox: promised effects, the transitions between their states, and their administration by people."""
