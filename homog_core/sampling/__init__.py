"""A model's weights and a question → answers with the entropy of every token. Knows no run and no store."""
