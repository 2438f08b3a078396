"""Words, names and sentences of a text; knows no graph and no index."""
