// Memories whose facts may contradict others and were judged by nobody: their job was given up.
// mode: read
// param: user_id string - partition
// returns: uuids list[string]
MATCH (j:Job)-[:EXTRACTS]->(m:Memory)
WHERE j.user_id = $user_id AND j.kind = 'judge' AND j.state IN ['dead', 'cancelled'] AND (m:Deleting) = false
RETURN collect(DISTINCT m.uuid) AS uuids
