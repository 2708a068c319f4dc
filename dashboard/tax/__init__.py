"""The sections of Alignment tax, the selection that its filters leave, and what is computed of it once."""
