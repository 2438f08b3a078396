// Entities that new names may mean: by other spellings, by a part, by words, by nearness; those met most often first.
// mode: read
// param: user_id string - partition
// param: names list[map] - keys: exact alias keys; parts: substrings of alias keys; words: a Lucene query with the partition's key, or ''; near: uuids of entities
// param: top_k integer - most entities of each way for one name
// param: with_statements boolean - whether three statements about each entity are wanted
// returns: uuid string, name string, kind string, aliases list[string], statements list[string]
// order: how many ways led there descending, uuid
UNWIND $names AS wanted
CALL (wanted) {
  UNWIND wanted.keys AS key
  MATCH (:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
  RETURN e
  UNION ALL
  UNWIND wanted.parts AS part
  CALL (part) {
    MATCH (a:Alias) WHERE a.key CONTAINS part AND a.user_id = $user_id
    MATCH (a)-[:REFERS_TO]->(e:Entity)
    RETURN e ORDER BY size(a.key), a.key LIMIT $top_k
  }
  RETURN e
  UNION ALL
  UNWIND CASE wanted.words WHEN '' THEN [] ELSE [wanted.words] END AS query
  CALL db.index.fulltext.queryNodes('entity_fulltext', query, {limit: $top_k}) YIELD node
  WHERE node.user_id = $user_id
  RETURN node AS e
  UNION ALL
  UNWIND wanted.near AS uuid
  MATCH (e:Entity {uuid: uuid}) WHERE e.user_id = $user_id
  RETURN e
}
WITH e, count(*) AS ways
WHERE NOT EXISTS { MATCH (e)-[:MERGED_INTO]->(:Entity) }
  AND EXISTS { MATCH (e)<-[:REFERS_TO]-(:Alias)<-[:NAMES]-()<-[:PREVIOUS*0..1]-(m:Memory) WHERE (m:Deleting) = false }
CALL (e) {
  UNWIND CASE WHEN $with_statements THEN [e.uuid] ELSE [] END AS uuid
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = uuid AND f.predicate >= ''
    AND f.expired_at IS NULL AND NOT EXISTS { MATCH (f)<-[:STATES]-(:Deleting) }
  RETURN f.statement AS statement LIMIT 3
  UNION
  UNWIND CASE WHEN $with_statements THEN [e.uuid] ELSE [] END AS uuid
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = uuid
    AND f.expired_at IS NULL AND NOT EXISTS { MATCH (f)<-[:STATES]-(:Deleting) }
  RETURN f.statement AS statement LIMIT 3
  UNION
  RETURN null AS statement
}
WITH e, ways, collect(statement)[..3] AS statements
RETURN e.uuid AS uuid, e.name AS name, e.kind AS kind, [(a:Alias)-[:REFERS_TO]->(e) | a.key] AS aliases, statements
ORDER BY ways DESC, uuid
