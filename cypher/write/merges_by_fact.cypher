// Merges that facts asked for which may hold no longer, each with another current fact that says the same, if there is one.
// mode: write
// param: user_id string - partition
// param: facts list[string] - the facts, deleted or not
// param: sources list[string] - merged entities whose fact a hand took away
// param: now datetime - instant of the write, UTC
// returns: source string, said_by string or null
MATCH (source:Entity)-[m:MERGED_INTO]->(:Entity)
WHERE source.user_id = $user_id AND (m.fact IN $facts OR (m.fact IS NOT NULL AND source.uuid IN $sources))
MATCH (source)-[:MERGED_INTO*1..]->(root:Entity) WHERE NOT (root)-[:MERGED_INTO]->()
RETURN source.uuid AS source, head(COLLECT {
  MATCH (f:Fact {user_id: $user_id, subject_uuid: root.uuid, predicate: 'SAME_AS'})
  WHERE f.expired_at IS NULL AND coalesce(f.invalid_at > $now, true) AND f.object_uuid = root.uuid
  MATCH (f)-[s:SUBJECT]->()
  MATCH (f)-[o:OBJECT]->()
  WHERE (s.name_key IN m.keys) <> (o.name_key IN m.keys)
  RETURN f.uuid ORDER BY f.seq LIMIT 1
}) AS said_by
