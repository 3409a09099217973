"""Playbooks: when which conditions hold for an account, do these steps. YAML in `library/`, no code in it."""
