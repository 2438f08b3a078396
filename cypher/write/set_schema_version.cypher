// Record the schema version of the store.
// mode: write
// param: version integer - the version
MERGE (s:SchemaState {name: 'schema'})
SET s:Internal, s.version = $version
