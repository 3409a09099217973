"""What a model learns from: eligible rows, their features, labels as known on any day, and folds."""
