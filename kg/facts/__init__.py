"""Facts: predicates, claims, and when each of them holds."""
