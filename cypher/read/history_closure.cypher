// Facts with everything that bears on when they held: decisions, successors, and their whole timelines.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the facts
// param: single_valued list[string] - predicates with one value at a time
// returns: facts list[{uuid string, scope string, subject_uuid string or null, predicate string, object_key string,
//   valid_at datetime, stated_invalid_at datetime or null, created_at datetime, expired_at datetime or null, seq
//   integer, owner string or null, value string or null, subject_key string or null}]
// returns: decisions list[{old string, new string, kind string, at datetime, effective_at datetime, undone_at datetime
//   or null}]
CALL () {
  UNWIND $uuids AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
  RETURN collect(DISTINCT f) AS seeds
}
CALL (seeds) {
  UNWIND seeds AS seed
  WITH seed WHERE seed.predicate IN $single_valued AND seed.subject_uuid IS NOT NULL
  WITH DISTINCT seed.scope AS scope, seed.subject_uuid AS subject_uuid, seed.predicate AS predicate
  MATCH (f:Fact {user_id: $user_id, subject_uuid: subject_uuid, predicate: predicate})
  WHERE f.scope = scope AND NOT EXISTS { MATCH (f)<-[:STATES]-()<-[:PREVIOUS*0..1]-(:Deleting) }
  RETURN collect(DISTINCT f) AS members
}
CALL (seeds, members) {
  UNWIND seeds + members AS f
  MATCH (f)-[:SUPERSEDED_BY*0..1]->(reached:Fact)
  RETURN collect(DISTINCT reached) AS found
}
CALL (found) {
  UNWIND found AS old
  MATCH (old)-[d:SUPERSEDED_BY]->(new:Fact)
  RETURN collect({old: old.uuid, new: new.uuid, kind: d.kind, at: d.at, effective_at: d.effective_at,
    undone_at: d.undone_at}) AS decisions
}
RETURN [f IN found | f {.uuid, .scope, .subject_uuid, .predicate, .object_key, .valid_at, .stated_invalid_at,
  .created_at, .expired_at, .seq,
    owner: head([(f)<-[:STATES]-()<-[:PREVIOUS*0..1]-(m:Memory) | m.uuid]),
    value: coalesce(f.object_value, head([(f)-[:OBJECT]->(o:Entity) | o.name])),
    subject_key: head([(f)-[named:SUBJECT]->(:Entity) | named.name_key])}] AS facts, decisions
