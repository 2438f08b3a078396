// Nodes that have no name yet, in batches; with the words that their names are made of.
// mode: read
// param: label string - Memory, MemoryVersion or Fact
// param: after string - only nodes with a greater uuid
// param: top_k integer - most nodes looked at
// returns: nodes list[{uuid string, words string or null}] - null: a person wrote something that is no text
// returns: last string or null - where to go on; null at the end
CALL () {
  MATCH (n:Memory) WHERE $label = 'Memory' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:MemoryVersion) WHERE $label = 'MemoryVersion' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Fact) WHERE $label = 'Fact' AND n.uuid > $after RETURN n ORDER BY n.uuid LIMIT $top_k
}
RETURN collect(CASE WHEN n.name IS NULL THEN
  n {.uuid, words: toStringOrNull(CASE $label WHEN 'Fact' THEN n.statement ELSE n.text END)} END) AS nodes,
  max(n.uuid) AS last
