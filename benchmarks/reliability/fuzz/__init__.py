"""Inputs that nobody would write, given to everything that reads: each is taken, or refused with one sentence."""
