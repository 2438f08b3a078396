// Memories that no model has read, because none was there or because it failed, oldest first. With a message comes a
// one-word answer to it, since a yes makes a decision of what was proposed.
// mode: write
// param: user_id string - partition
// param: top_k integer - most memories
// returns: uuid string, kind string, run_id string or null, created_at datetime
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
  AND ((m.extraction IN ['skipped', 'failed'] AND NOT m.noise)
    OR (m.extraction = 'none' AND m.noise AND EXISTS {
      MATCH (m)<-[:NEXT]-(said:Memory {created_at: m.created_at, extraction: 'skipped'}) WHERE NOT said.noise }))
  AND (m.extraction = 'failed' OR NOT EXISTS { MATCH (m)-[:STATES]->(:Fact) })
  AND NOT EXISTS { MATCH (j:Job)-[:EXTRACTS]->(m) WHERE j.state IN ['pending', 'running', 'failed', 'dead'] }
RETURN m.uuid AS uuid, m.kind AS kind, m.run_id AS run_id, m.created_at AS created_at
ORDER BY m.seq LIMIT $top_k
