"""The resident service: composition, HTTP, administration."""
