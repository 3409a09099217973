"""Names that both sides need: the DAGs, and the local stack, which imports no Airflow."""

from __future__ import annotations

# One slot on DuckDB: while one process has the file open for writing, nobody else can even read it.
# The local stack and the compose file create it; on another warehouse give it as many slots as
# that warehouse should serve at a time.
WAREHOUSE_POOL = "warehouse"
