"""`python -m customer_health`: the command line."""

import sys

from customer_health.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
