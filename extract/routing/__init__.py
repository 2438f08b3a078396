"""Which model does which task, what it costs, and what happens when it fails."""
