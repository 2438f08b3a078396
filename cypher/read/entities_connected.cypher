// The entities of a partition that most was ever said about, of those of which something held. Writes keep count. The count
// of the last one shown is found first, so that of many with this same count no more are read than are shown.
// mode: read
// param: user_id string - partition
// param: at datetime - instant in valid time, UTC
// param: top_k integer - most rows returned
// returns: uuid string, degree integer
// order: degree descending, uuid
CALL () {
  MATCH (e:Entity) WHERE e.user_id = $user_id AND e.degree > 0 AND e.uuid > ''
  WITH e ORDER BY e.user_id DESC, e.degree DESC
  WITH e WHERE EXISTS {
    MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
    WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  }
  WITH e LIMIT $top_k
  RETURN min(e.degree) AS least
}
CALL (least) {
  MATCH (e:Entity) WHERE e.user_id = $user_id AND e.degree > least AND e.uuid > ''
  WITH e WHERE EXISTS {
    MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
    WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  }
  RETURN e
  UNION ALL
  MATCH (e:Entity) WHERE e.user_id = $user_id AND e.degree = least AND e.uuid > ''
  WITH e ORDER BY e.user_id, e.degree, e.uuid
  WITH e WHERE EXISTS {
    MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
    WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  }
  RETURN e LIMIT $top_k
}
RETURN e.uuid AS uuid, e.degree AS degree ORDER BY degree DESC, uuid LIMIT $top_k
