"""Everything that runs a model: embedders today, language models per task.

Nothing is imported here; each module pulls in its own SDK on first use.
"""
