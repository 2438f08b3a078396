// What the graph says of a question before the index is asked: the entities that it names, how far the partition has
// come, and which memories wait for the index. An entity that only memories name which wait to be erased is none.
// mode: read
// param: user_id string - partition
// param: keys list[string] - alias keys of the question's names
// param: top_k integer - most waiting memories returned
// returns: seq integer, last_at datetime or null, named list[{uuid string, name string, kind string, key string, aliases
//   list[string]}], waiting list[{uuid string, index_rev integer}]
OPTIONAL MATCH (p:Partition {user_id: $user_id})
CALL () {
  UNWIND $keys AS key
  MATCH (:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
  WHERE EXISTS { MATCH (e)-[:MERGED_INTO]->(:Entity) }
    OR EXISTS { MATCH (e)<-[:REFERS_TO]-(:Alias)<-[:NAMES]-()<-[:PREVIOUS*0..1]-(m:Memory) WHERE (m:Deleting) = false }
  RETURN collect(e {.uuid, .name, .kind, key: key, aliases: [(a:Alias)-[:REFERS_TO]->(e) | a.key]}) AS named
}
CALL () {
  MATCH (m:Unindexed) WHERE m:Memory AND m.user_id = $user_id AND (m:Deleting) = false
  WITH m LIMIT $top_k
  RETURN collect(m {.uuid, .index_rev}) AS waiting
}
RETURN coalesce(p.seq, 0) AS seq, p.last_at AS last_at, named, waiting
