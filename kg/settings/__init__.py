"""What a person may set: the service, its folders, and what it takes over from mem0."""
