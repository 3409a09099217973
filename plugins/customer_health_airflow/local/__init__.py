"""Airflow on one machine without Docker: what `make demo`, `make up` and `make down` run.

Nothing here is used in production, and nothing here imports Airflow: its parts are started as
processes and spoken to through the public REST API.
"""
