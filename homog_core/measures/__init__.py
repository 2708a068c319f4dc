"""What is computed for one question: similarity, clusters, uncertainty scores, grades and maps of its answers."""
