// Queue every node for the index anew, in batches, when the index had to be rebuilt.
// mode: write
// param: label string - Memory, Fact or Entity
// param: after string - only nodes with a greater uuid
// param: top_k integer - most nodes queued at once
// returns: last string or null
CALL () {
  MATCH (n:Memory) WHERE $label = 'Memory' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Fact) WHERE $label = 'Fact' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Entity) WHERE $label = 'Entity' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
}
SET n:Unindexed, n.bulk = true
RETURN max(n.uuid) AS last
