"""TODO homog_core/runs."""
