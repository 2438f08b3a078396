// Entities whose names contain a text or match its words.
// mode: read
// param: user_id string - partition
// param: key string - normalised text, for substrings of aliases
// param: words string - Lucene query with the partition's key
// param: top_k integer - most rows of each way
// returns: uuid string, way string, score float
CALL () {
  MATCH (a:Alias) WHERE a.key CONTAINS $key AND a.user_id = $user_id AND $key <> ''
  MATCH (a)-[:REFERS_TO]->(e:Entity)
  RETURN e.uuid AS uuid, 'alias' AS way, 1.0 * size($key) / size(a.key) AS score
  ORDER BY score DESC, uuid LIMIT $top_k
  UNION ALL
  WITH * WHERE $words <> ''
  CALL db.index.fulltext.queryNodes('entity_fulltext', $words, {limit: $top_k}) YIELD node, score
  WHERE node.user_id = $user_id
  RETURN node.uuid AS uuid, 'words' AS way, score
}
RETURN uuid, way, score
