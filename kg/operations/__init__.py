"""What callers may do: the eleven operations, and looking after the graph."""
