// Schema version of this store; no row in an empty one.
// mode: read
// returns: version integer
OPTIONAL MATCH (s:SchemaState {name: 'schema'})
WITH s WHERE s IS NOT NULL
RETURN s.version AS version
