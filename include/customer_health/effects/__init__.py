"""Effects: what we want done outside, and the protocol of those who do it."""
