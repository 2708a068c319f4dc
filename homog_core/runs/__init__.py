"""A run from its questions to its file: what is sampled, stored, verified, scored, exported and imported."""
