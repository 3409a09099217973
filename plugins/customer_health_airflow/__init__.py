"""What Airflow needs to run the customer health pipeline; every decision is made in `customer_health`."""
