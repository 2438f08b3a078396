"""Prompts, one file each, and reading what models answer."""
