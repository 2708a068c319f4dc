"""A live job on the screen: what it will take, its answers while they arrive, and what it ended with."""
