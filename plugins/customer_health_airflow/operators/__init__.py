"""Operators: Airflow in, domain out, nothing decided here."""
