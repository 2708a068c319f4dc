"""TODO homog_core/sampling."""
