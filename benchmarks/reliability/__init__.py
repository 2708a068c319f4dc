"""What a stored run stands: flipped bits, files of other runs, processes that are killed."""
