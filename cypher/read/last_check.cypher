// When the rules of the graph were looked at last in passing, and which were broken.
// mode: read
// returns: checked_at datetime or null, broken string or null - broken: how many nodes break each rule, as JSON
MATCH (s:SchemaState {name: 'schema'})
RETURN s.checked_at AS checked_at, s.broken AS broken
