"""What became of published predictions, and whether the world has drifted from the training data."""
