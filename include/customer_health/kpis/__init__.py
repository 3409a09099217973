"""KPIs: whether revenue stays, whether Red accounts come back, and how soon somebody acts."""
