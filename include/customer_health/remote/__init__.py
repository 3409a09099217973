"""Tables that stay in the company's own warehouse: looked at there, reduced there, never written to."""
