// Entities whose names contain a text or match its words, and those that are near in meaning; within a scope, those of
// which it states a fact that held.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: key string - normalised text, for substrings of aliases
// param: words string - Lucene query with the partition's key
// param: near list[map] - uuid and similarity of entities near in meaning
// param: at datetime - instant in valid time, UTC
// param: fetch integer - most hits taken from the index before the scope is checked
// param: top_k integer - most rows of each way
// returns: uuid string, way string, score float - way is alias, words or meaning; only scores of one way compare
CALL () {
  MATCH (a:Alias) WHERE a.key CONTAINS $key AND a.user_id = $user_id AND $key <> ''
  MATCH (a)-[:REFERS_TO]->(e:Entity)
  RETURN e, 'alias' AS way, 1.0 * size($key) / size(a.key) AS score
  UNION ALL
  WITH * WHERE $words <> ''
  CALL db.index.fulltext.queryNodes('entity_fulltext', $words, {limit: $fetch}) YIELD node, score
  WHERE node.user_id = $user_id
  RETURN node AS e, 'words' AS way, score
  UNION ALL
  UNWIND $near AS hit
  MATCH (e:Entity {uuid: hit.uuid}) WHERE e.user_id = $user_id
  RETURN e, 'meaning' AS way, hit.similarity AS score
}
WITH e, way, score
WHERE ($agent_id IS NULL AND $run_id IS NULL AND $project IS NULL) OR EXISTS {
  MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)<-[:STATES]-(m:Memory)
  WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
    AND (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
}
WITH way, e.uuid AS uuid, score ORDER BY score DESC, uuid
WITH way, collect({uuid: uuid, score: score})[..$top_k] AS best
UNWIND best AS row
RETURN row.uuid AS uuid, way, row.score AS score
