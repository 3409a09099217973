"""The command line: steps without Airflow, what users decide, and the run summary."""
