"""Checks between sources and scores: of the panel, of silent sources, and of the company's lists."""
