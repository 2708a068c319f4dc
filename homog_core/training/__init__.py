"""TODO homog_core/training."""
