"""How each remote is reached: a file per kind of destination, and what they share."""
