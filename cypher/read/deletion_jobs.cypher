// Deletions that were acknowledged and are not finished.
// mode: read
// returns: uuid string, user_id string
MATCH (j:Job) WHERE j.kind = 'delete' AND j.state IN ['pending', 'running']
RETURN j.uuid AS uuid, j.user_id AS user_id ORDER BY j.created_at
