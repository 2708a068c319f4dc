"""Several runs side by side: which they are, one question of theirs, and all their questions."""
