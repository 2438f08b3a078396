// What an update must know of its memory and of the names and targets in the new facts.
// mode: write
// param: user_id string - partition
// param: uuid string - the memory
// param: keys list[string] - alias keys that the new text and facts name
// param: targets list[string] - uuids of facts that the new ones want to supersede
// returns: memory Memory
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, valid_at datetime, statement string}]
// returns: decisions list[{old string, new string, properties Decision}]
// returns: aliases list[{key string, uuid string, kind string}]
// returns: targets list[{uuid string, valid_at datetime, claim_key string}]
// returns: owners list[{uuid string, facts list[{uuid string, valid_at datetime, claim_key string, statement string}]}] -
//   memories whose ids are given as targets
MATCH (m:Memory {uuid: $uuid})
WHERE m.user_id = $user_id AND (m:Deleting) = false
CALL (m) {
  OPTIONAL MATCH (m)-[:STATES]->(f:Fact)
  RETURN collect(f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key, .valid_at, .statement}) AS facts
}
CALL (m) {
  OPTIONAL MATCH (m)-[:STATES]->(f:Fact)-[d:SUPERSEDED_BY]-(:Fact)
  WITH DISTINCT d WHERE d IS NOT NULL
  RETURN collect({old: startNode(d).uuid, new: endNode(d).uuid, properties: properties(d)}) AS decisions
}
CALL (m) {
  CALL (m) {
    UNWIND $keys AS key
    MATCH (a:Alias {user_id: $user_id, key: key})
    RETURN a
    UNION
    MATCH (m)-[:NAMES]->(a:Alias)
    RETURN a
  }
  MATCH (a)-[:REFERS_TO]->(e:Entity)
  RETURN collect({key: a.key, uuid: e.uuid, kind: e.kind}) AS aliases
}
CALL () {
  UNWIND $targets AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(owner:Memory)
  WHERE f.user_id = $user_id AND f.expired_at IS NULL AND (owner:Deleting) = false
  RETURN collect(f {.uuid, .valid_at, .claim_key}) AS targets
}
CALL () {
  UNWIND $targets AS uuid
  MATCH (owner:Memory {uuid: uuid}) WHERE owner.user_id = $user_id AND (owner:Deleting) = false
  RETURN collect({uuid: uuid, facts: [(owner)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL |
    f {.uuid, .valid_at, .claim_key, .statement}]}) AS owners
}
RETURN m {.*} AS memory, facts, decisions, aliases, targets, owners
