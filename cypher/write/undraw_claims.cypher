// Remove relationships that are drawn from entities although no current fact states them between these two.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the entities from which they are drawn
// returns: removed integer
UNWIND $uuids AS uuid
MATCH (s:Entity {uuid: uuid})-[r]->(o:Entity)
WHERE s.user_id = $user_id AND r.claim_key IS NOT NULL AND NOT EXISTS {
  MATCH (f:Fact {user_id: $user_id, claim_key: r.claim_key})
  WHERE f.expired_at IS NULL AND f.subject_uuid = s.uuid AND f.object_uuid = o.uuid AND f.predicate = type(r)
}
DELETE r
RETURN count(r) AS removed
