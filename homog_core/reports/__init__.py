"""What a run, or a comparison, found as a document: the tables of docs/results.md, and one HTML file."""
