"""What the page Alignment tax draws: its filters' selection, and one module a section."""
