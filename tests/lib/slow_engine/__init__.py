"""The slow twin of the panel engine, written from the definitions."""
