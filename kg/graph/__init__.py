"""The connection to Neo4j: queries by name, the schema, and one writer per partition."""
