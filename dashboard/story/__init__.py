"""The story of Start here: a module a step, the pieces that steps share, and what is computed once."""
