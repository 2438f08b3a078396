"""Reading: search, listings, exploring, and how answers are written."""
