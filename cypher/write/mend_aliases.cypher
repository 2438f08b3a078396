// Let each name refer to one thing that is not merged, and be used by a memory, where it can be told which.
// mode: write
// param: user_id string - partition
// param: spellings list[map] - key and name: how a name is written that lost its spelling
CALL () {
  MATCH (a:Alias)-[r:REFERS_TO]->(e:Entity) WHERE a.user_id = $user_id AND EXISTS { (e)-[:MERGED_INTO]->() }
  MATCH (e)-[:MERGED_INTO]->{1,50}(root:Entity) WHERE NOT EXISTS { (root)-[:MERGED_INTO]->() }
  WITH a, r, root
  DELETE r
  MERGE (a)-[:REFERS_TO]->(root)
}
CALL () {
  MATCH (a:Alias)-[r:REFERS_TO]->(e) WHERE a.user_id = $user_id
  WITH a, r, e ORDER BY e.created_at
  WITH a, collect(r) AS refers WHERE size(refers) > 1
  UNWIND refers[1..] AS needless
  DELETE needless
}
CALL () {
  MATCH (a:Alias) WHERE a.user_id = $user_id AND NOT EXISTS { (a)-[:REFERS_TO]->() }
  MATCH (e:Entity) WHERE e.user_id = $user_id AND NOT EXISTS { (e)<-[:REFERS_TO]-() }
    AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
    AND (toLower(toStringOrNull(e.name)) = a.key OR EXISTS { MATCH (e)<-[side:SUBJECT|OBJECT]-(:Fact) WHERE side.name_key = a.key })
  WITH a, head(collect(e)) AS e
  CREATE (a)-[:REFERS_TO]->(e)
}
CALL () {
  MATCH (a:Alias)-[:REFERS_TO]->(e:Entity) WHERE a.user_id = $user_id AND NOT EXISTS { (a)<-[:NAMES]-() }
  MATCH (e)<-[side:SUBJECT|OBJECT]-(:Fact)<-[:STATES]-(o) WHERE side.name_key = a.key
  WITH DISTINCT a, e, o
  CREATE (o)-[:NAMES {name: coalesce(a.name, e.name), as: 'mention'}]->(a)
}
CALL () {
  UNWIND $spellings AS spelling
  MATCH (a:Alias {user_id: $user_id, key: spelling.key})
  WITH a, spelling, [(a)<-[n:NAMES]-() WHERE n.name IS :: STRING NOT NULL | n.name] AS written
  SET a.name = coalesce(written[0], spelling.name)
}
CALL () {
  MATCH (a:Alias) WHERE a.user_id = $user_id AND NOT EXISTS { (a)<-[:NAMES]-() }
  OPTIONAL MATCH (a)-[:REFERS_TO]->(e:Entity)
  WITH a, e WHERE e IS NULL OR NOT EXISTS { (e)<-[:SUBJECT|OBJECT]-() }
  DETACH DELETE a
}
