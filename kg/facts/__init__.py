"""Facts: predicates, claims, and when each fact holds."""
