"""Dates that a question names."""
