"""The vector side-index: what is written to it, and how it is kept equal to the graph."""
