"""TODO homog_core/figures."""
