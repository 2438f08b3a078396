"""``knowthread doctor``: one check for everything that is needed."""
