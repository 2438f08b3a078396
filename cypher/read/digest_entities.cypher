// A page of a partition's entities with their names, merges and drawn claims, for its canonical digest.
// mode: read
// param: user_id string - partition
// param: after string - uuid of the last entity of the page before; empty for the first page
// param: top_k integer - most entities returned
// returns: uuid string, name string, kind string, keys list[string]
// returns: current list[string] - the keys that a memory bears as it is now
// returns: merged list[{keys list[string], reason string, at datetime, into list[string]}] - into are the alias keys of
//   the entity that stays, or those that it had
// returns: claims list[{predicate string, object list[string], statement string, facts integer, valid_at datetime,
//   invalid_at datetime or null}] - object are alias keys
// order: uuid
MATCH (e:Entity {user_id: $user_id})
WHERE e.uuid > $after
WITH e ORDER BY e.uuid LIMIT $top_k
RETURN e.uuid AS uuid, e.name AS name, e.kind AS kind, [(a:Alias)-[:REFERS_TO]->(e) | a.key] AS keys,
  [(a:Alias)-[:REFERS_TO]->(e) WHERE EXISTS { MATCH (a)<-[:NAMES]-(m:Memory) WHERE (m:Deleting) = false } | a.key] AS current,
  [(e)-[merge:MERGED_INTO]->(o:Entity) | {keys: merge.keys, reason: merge.reason, at: merge.at,
    into: [(a:Alias)-[:REFERS_TO]->(o) | a.key] + coalesce(head([(o)-[onward:MERGED_INTO]->() | onward.keys]), [])}]
    AS merged,
  [(e)-[claim]->(o:Entity) WHERE claim.claim_key IS NOT NULL | {predicate: type(claim),
    object: [(a:Alias)-[:REFERS_TO]->(o) | a.key], statement: claim.statement, facts: claim.facts,
    valid_at: claim.valid_at, invalid_at: claim.invalid_at}] AS claims
ORDER BY e.uuid
