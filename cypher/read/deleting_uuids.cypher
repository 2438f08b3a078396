// Memories of a partition that wait to be erased.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows returned
// returns: uuids list[string]
MATCH (m:Deleting) WHERE m.user_id = $user_id
WITH m.uuid AS uuid LIMIT $top_k
RETURN collect(uuid) AS uuids
