"""Measurements of our own code, one command each: `python -m benchmarks.<name>`."""
