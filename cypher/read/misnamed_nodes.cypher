// Nodes that may not be called after what stands in them, in batches: those without a name, and those whose text or
// statement a person changed. A name has at least all but its last sign from the beginning of the words, on one line.
// mode: read
// param: label string - Memory, MemoryVersion or Fact
// param: after string - only nodes with a greater uuid
// param: top_k integer - most nodes looked at
// returns: nodes list[{uuid string, name string or null, words string or null}] - words: null where they are no text
// returns: last string or null - where to go on; null at the end
CALL () {
  MATCH (n:Memory) WHERE n.uuid > CASE $label WHEN 'Memory' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:MemoryVersion) WHERE n.uuid > CASE $label WHEN 'MemoryVersion' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Fact) WHERE n.uuid > CASE $label WHEN 'Fact' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
}
WITH n, toStringOrNull(n.name) AS name,
  toStringOrNull(CASE $label WHEN 'Fact' THEN n.statement ELSE n.text END) AS words
RETURN collect(CASE WHEN coalesce(name = '' OR NOT words STARTS WITH left(name, size(name) - 1)
    OR (size(words) <> size(name) AND NOT name ENDS WITH '…'), true)
  THEN n {.uuid, name: name, words: words} END) AS nodes, max(n.uuid) AS last
