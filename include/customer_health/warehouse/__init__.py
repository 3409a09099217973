"""The warehouse: canonical tables, their contracts, and the gate in front of the signals."""
