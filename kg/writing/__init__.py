"""Writing: adding, updating and deleting memories with their facts."""
