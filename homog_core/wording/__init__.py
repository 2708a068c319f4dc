"""TODO homog_core/wording."""
