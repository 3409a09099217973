"""Renewals: what comes up, what is expected to stay, what people say, and who was right afterwards."""
