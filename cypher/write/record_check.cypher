// Note what a look at the rules of the graph found.
// mode: write
// param: now datetime - when, UTC
// param: broken string - how many nodes break each rule, as JSON
MATCH (s:SchemaState {name: 'schema'})
SET s.checked_at = $now, s.broken = $broken
