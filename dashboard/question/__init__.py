"""The answers to one question on the screen, the same for stored and for live ones, and the list to choose it from."""
