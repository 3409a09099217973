"""What a training found, for people and for pages: model card, plots, limitations, value of data."""
