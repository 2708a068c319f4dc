"""TODO homog_core/measures."""
