#!/bin/bash
# Runs before the other services at every start; each step may be repeated.
set -euo pipefail
airflow db migrate
airflow users create --role Admin --username admin --password "$ADMIN_PASSWORD" \
    --firstname Data --lastname Platform --email admin@example.com
python -m customer_health_airflow.pools
python -m customer_health ledger upgrade
