// Record the schema version that the store was brought to.
// mode: write
// param: version integer - the version
MERGE (s:SchemaState {name: 'schema'})
SET s.version = $version
