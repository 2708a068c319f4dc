"""What the pages share: the URL, caches, controls, charts, and a module for each long thing that a page draws."""
