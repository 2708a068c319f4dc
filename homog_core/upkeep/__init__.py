"""The machine that all this runs on: how it stands, and what killed processes have left behind."""
