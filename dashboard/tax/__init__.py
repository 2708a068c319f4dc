"""TODO dashboard/tax."""
