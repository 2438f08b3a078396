"""One module per way to reach a model; each imports its own SDK, on first use."""
