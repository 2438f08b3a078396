"""The knowledge service: graph model, consistency, recall, resolution.

Nothing is imported here, so that the stdio shim, which lives beside these packages, starts without the stores' SDKs.
"""
