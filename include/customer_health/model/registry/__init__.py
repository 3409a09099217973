"""The current model: its artefact, its promotion, and how it is loaded with its fallbacks."""
