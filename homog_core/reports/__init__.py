"""TODO homog_core/reports."""
