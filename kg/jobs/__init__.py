"""Background work for models: claiming, extracting, judging."""
