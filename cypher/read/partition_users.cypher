// The users that have a partition, a page at a time.
// mode: read
// param: after string - the last user of the page before, empty for the first
// param: top_k integer - most rows returned
// returns: user_id string
// order: user_id
MATCH (p:Partition) WHERE p.user_id > $after
RETURN p.user_id AS user_id ORDER BY user_id LIMIT $top_k
