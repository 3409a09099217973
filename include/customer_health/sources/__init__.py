"""Where facts come from. Every source becomes the canonical tables and nothing else."""
