"""The side-index of embeddings behind ``kg.ports.VectorIndex``: ``embedded`` in this process, ``server`` on Qdrant.

Import the implementation from its module; this package pulls in no engine.
"""
