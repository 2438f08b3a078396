"""The rules of the graph's contract, and how what breaks them is mended."""
