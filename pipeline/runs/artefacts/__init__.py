"""What the phases of a run leave: examples, models, predictions."""
