"""From a champion's probabilities (or the rule score) to a score, its tier, its reasons and a Why."""
