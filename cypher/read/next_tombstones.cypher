// Points to remove from the index: those not removed yet, or those removed once and old enough to be forgotten.
// mode: read
// param: applied boolean - whether the point was removed once already
// param: before datetime - only tombstones made before this instant, UTC
// param: top_k integer - most rows returned
// returns: uuid string
MATCH (t:Tombstone)
WHERE coalesce(t.applied, false) = $applied AND t.created_at <= $before
RETURN t.uuid AS uuid LIMIT $top_k
