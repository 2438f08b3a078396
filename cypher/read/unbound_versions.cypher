// Facts that say a version and are bound to no thing, as they were stored before schema version 6; in batches.
// mode: read
// param: after string - only facts with a greater uuid
// param: top_k integer - most rows returned
// returns: uuid string, user_id string
// order: uuid
MATCH (f:Fact)
WHERE f.uuid > $after AND f.predicate = 'USES_VERSION' AND f.object_uuid IS NULL AND f.subject_uuid IS NOT NULL
RETURN f.uuid AS uuid, f.user_id AS user_id ORDER BY f.uuid LIMIT $top_k
