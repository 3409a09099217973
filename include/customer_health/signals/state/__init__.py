"""The daily state: what is left of the raw tables after each was read once, and how it is kept up to date."""
