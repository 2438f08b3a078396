"""Entities: which names mean the same thing, and merging entities that are one."""
