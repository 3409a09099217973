"""What competes to score: lines, trees, forests, hazards, blends, rules, baselines, external scores."""
