// Memories of a partition that wait for the index.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows returned
// returns: memories list[{uuid string, index_rev integer}]
MATCH (m:Unindexed) WHERE m:Memory AND m.user_id = $user_id AND NOT m:Deleting
WITH m LIMIT $top_k
RETURN collect(m {.uuid, .index_rev}) AS memories
