// Which of some facts say that two things are one, and whether they are current.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - facts
// param: now datetime - instant of the write, UTC
// returns: uuid string, subject_uuid string, object_uuid string, current boolean
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid})
WHERE f.user_id = $user_id AND f.predicate = 'SAME_AS' AND f.subject_uuid IS NOT NULL AND f.object_uuid IS NOT NULL
RETURN f.uuid AS uuid, f.subject_uuid AS subject_uuid, f.object_uuid AS object_uuid,
  f.expired_at IS NULL AND coalesce(f.invalid_at > $now, true) AS current
