"""What stored runs say, as values: one run, several side by side, and which of them belong together. No sentences."""
