// Names of other users that a user's memories and facts use.
// mode: write
// param: user_id string - partition
// returns: key string, name string, kind string - kind: of the thing that goes by the name there
MATCH (n) WHERE (n:Memory OR n:MemoryVersion) AND n.user_id = $user_id
CALL (n) {
  MATCH (n)-[used:NAMES]->(a:Alias) WHERE a.user_id <> $user_id
  RETURN a.key AS key, coalesce(used.name, a.name) AS name, head([(a)-[:REFERS_TO]->(e) | e.kind]) AS kind
  UNION
  MATCH (n)-[:STATES]->(:Fact)-[side:SUBJECT|OBJECT]->(e:Entity) WHERE e.user_id <> $user_id
  RETURN side.name_key AS key, e.name AS name, e.kind AS kind
}
WITH key, head(collect(name)) AS name, head(collect(kind)) AS kind WHERE key IS NOT NULL
RETURN key, name, kind
