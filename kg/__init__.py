"""The knowledge service: graph model, consistency, recall, resolution.

Nothing is imported here. The stdio shim uses some modules of this package and must start without the stores' SDKs.
"""
