// Which stretches of a new text are memories that stood before it: by their words, only of the same project and while
// all that they state is current, since saying a thing again may say that it holds again.
// mode: read
// param: user_id string - partition
// param: project string or null - of the new text
// param: now datetime - instant in valid time, UTC
// param: before integer - sequence number of the new text
// param: hashes list[string] - content hashes of its stretches
// param: uuids list[string] - ids that it contains
// returns: hashes list[string], uuids list[string]
CALL () {
  UNWIND $hashes AS hash
  MATCH (m:Memory {user_id: $user_id, content_hash: hash})
  WHERE m.seq < $before AND (m:Deleting) = false AND coalesce(m.project, '') = coalesce($project, '')
    AND NOT EXISTS { MATCH (m)-[:STATES]->(f:Fact) WHERE f.invalid_at <= $now }
  RETURN collect(DISTINCT hash) AS known_hashes
}
CALL () {
  UNWIND $uuids AS uuid
  OPTIONAL MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id AND m.seq < $before AND (m:Deleting) = false
  OPTIONAL MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id AND f.seq < $before
    AND NOT EXISTS { MATCH (f)<-[:STATES]-(:Deleting) }
  WITH uuid WHERE m IS NOT NULL OR f IS NOT NULL
  RETURN collect(uuid) AS known_uuids
}
RETURN known_hashes AS hashes, known_uuids AS uuids
