// Tombstones of nodes that stand in the graph, whose points are to stay.
// mode: read
// param: top_k integer - most rows returned
// returns: uuid string
MATCH (t:Tombstone)
WHERE EXISTS { MATCH (m:Memory {uuid: t.uuid}) WHERE (m:Deleting) = false }
  OR EXISTS { MATCH (f:Fact {uuid: t.uuid}) WHERE f.expired_at IS NULL }
  OR EXISTS { MATCH (:Entity {uuid: t.uuid}) }
RETURN t.uuid AS uuid LIMIT $top_k
