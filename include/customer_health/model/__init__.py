"""From a panel of signals to a champion: labels, folds, candidates, selection, artefact, card."""
