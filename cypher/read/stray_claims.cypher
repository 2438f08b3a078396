// Entities from which a claim is drawn that no current fact states between these two; in order.
// mode: read
// param: after string - only entities with a greater uuid
// param: top_k integer - most entities looked at
// returns: entities list[{uuid string, user_id string}]
// returns: last string or null - where to go on; null at the end
// order: uuid
CALL () {
  MATCH (s:Entity) WHERE s.uuid > $after RETURN s ORDER BY s.uuid LIMIT $top_k
}
WITH s, EXISTS {
  MATCH (s)-[r]->(o:Entity)
  WHERE r.claim_key IS NOT NULL AND NOT EXISTS {
    MATCH (f:Fact {user_id: s.user_id, claim_key: r.claim_key})
    WHERE f.expired_at IS NULL AND f.subject_uuid = s.uuid AND f.object_uuid = o.uuid AND f.predicate = type(r)
  }
} AS stray ORDER BY s.uuid
RETURN collect(CASE WHEN stray THEN s {.uuid, .user_id} END) AS entities, max(s.uuid) AS last
