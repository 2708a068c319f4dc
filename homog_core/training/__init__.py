"""How the adapters that ship in `cache/models/` are made: data, recipes, trainers and model cards."""
