#!/bin/bash
# Once a day: removes rows of Airflow's database and task logs that are older than KEEP_DAYS. The newest run of every
# DAG stays whatever its age. The ledger is not Airflow's; `python -m customer_health retain` looks after it.
set -euo pipefail
logs="$AIRFLOW_HOME/logs"
while :; do
    before=$(date --utc --date="$KEEP_DAYS days ago" +%Y-%m-%dT00:00:00+00:00)
    # A lock, a restart of the database: tomorrow is early enough, and the health check counts the days.
    if airflow db clean --clean-before-timestamp "$before" --skip-archive --yes; then
        find "$logs" -type f -mtime "+$KEEP_DAYS" -delete
        find "$logs" -mindepth 1 -type d -empty -mtime +1 -delete
        touch "$logs/cleanup.alive"
    fi
    [ "${ONCE:-}" ] && break
    sleep 86400
done
