"""Look after the stores: back-up and restore, retention, growth, what one account or person left in them."""
