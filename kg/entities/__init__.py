"""Entities: which names mean one thing, and merging those that do."""
