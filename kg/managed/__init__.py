"""A Neo4j of our own: fetching, configuring, starting and stopping it."""
