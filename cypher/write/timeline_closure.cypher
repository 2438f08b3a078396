// Every fact whose end may change with the given ones: those facts, the facts that they replaced, and their timelines.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - facts that were added, expired or decided upon
// param: groups list[map] - scope, subject_uuid and predicate of timelines that lost a fact
// param: single_valued list[string] - predicates with one value at a time
// returns: whole list[string] - the facts whose timelines are complete here
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, object_key string, valid_at datetime, stated_invalid_at datetime or null, invalid_at
//   datetime or null, followed_by string or null, created_at datetime, expired_at datetime or null, seq integer, owner string or null, value
//   string or null, subject_key string or null}]
// returns: decisions list[{old string, new string, kind string, at datetime, effective_at datetime, undone_at datetime
//   or null}]
CALL () {
  UNWIND $uuids AS uuid
  MATCH (:Fact {uuid: uuid})<-[:SUPERSEDED_BY*0..1]-(f:Fact)
  RETURN collect(DISTINCT f) AS seeds
}
CALL (seeds) {
  UNWIND seeds AS seed
  WITH seed WHERE seed.predicate IN $single_valued AND seed.subject_uuid IS NOT NULL
  RETURN collect(DISTINCT {scope: seed.scope, subject_uuid: seed.subject_uuid, predicate: seed.predicate}) AS own
}
CALL (own) {
  UNWIND own + $groups AS g
  WITH DISTINCT g
  MATCH (f:Fact {user_id: $user_id, subject_uuid: g.subject_uuid, predicate: g.predicate})
  WHERE f.scope = g.scope AND f.expired_at IS NULL
    AND NOT EXISTS { MATCH (f)<-[:STATES]-()<-[:PREVIOUS*0..1]-(:Deleting) }
  RETURN collect(DISTINCT f) AS members
}
CALL (seeds, members) {
  UNWIND seeds + members AS f
  MATCH (f)-[:SUPERSEDED_BY*0..1]->(reached:Fact)
  RETURN collect(DISTINCT reached) AS found, collect(DISTINCT f.uuid) AS whole
}
CALL (found) {
  UNWIND found AS old
  MATCH (old)-[d:SUPERSEDED_BY]->(new:Fact)
  RETURN collect({old: old.uuid, new: new.uuid, kind: d.kind, at: d.at, effective_at: d.effective_at,
    undone_at: d.undone_at}) AS decisions
}
RETURN whole, [f IN found | f {.uuid, .scope, .subject_uuid, .predicate, .object_uuid, .object_key, .claim_key, .valid_at,
  .stated_invalid_at, .invalid_at, .followed_by, .created_at, .expired_at, .seq,
    owner: head([(f)<-[:STATES]-()<-[:PREVIOUS*0..1]-(m:Memory) | m.uuid]),
    value: coalesce(f.object_value, head([(f)-[:OBJECT]->(o:Entity) | o.name])),
    subject_key: head([(f)-[named:SUBJECT]->(:Entity) | named.name_key])}] AS facts, decisions
