"""Reading answers: who draws them, who reads them, and what the readings say of the grades and the clusterers.

`draw` writes sheets for two readers who see neither the stage nor each other's labels, `collect` puts their labels into
a table, and `grades`, `pairs` and `public` compare what the program says with it. README.md has the steps.
"""
