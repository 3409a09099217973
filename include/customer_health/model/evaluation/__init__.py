"""How good is a candidate? Walk-forward, metrics, gates, leaks, selection, and what each source is worth."""
