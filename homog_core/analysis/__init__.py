"""TODO homog_core/analysis."""
