"""The delivery engine: claims promised effects, sends them once, and counts what happened."""
