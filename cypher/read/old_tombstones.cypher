// Tombstones whose points were removed once already, and which are old enough to be forgotten.
// mode: read
// param: before datetime - only tombstones made before this instant, UTC
// param: top_k integer - most rows returned
// returns: uuid string
MATCH (t:Tombstone)
WHERE t.applied AND t.created_at <= $before
RETURN t.uuid AS uuid LIMIT $top_k
