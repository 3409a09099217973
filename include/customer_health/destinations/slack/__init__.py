"""Slack: alerts, threads, files, buttons and reactions."""
