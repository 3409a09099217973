"""Vendors that are asked for data: one module per vendor file, found by its name.

Each keeps its own records and answers what its vendor documents, page by page; it refuses unknown parameters,
pages that are too large, wrong versions and strangers.
"""
