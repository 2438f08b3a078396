// Whether facts stand that new ones may contradict: about the same subject, with the same or an opposite predicate.
// mode: read
// param: user_id string - partition
// param: stated list[map] - subject_uuid, predicate, object_uuid or null, opposites list[string]
// returns: contend boolean
RETURN EXISTS {
  UNWIND $stated AS new
  UNWIND [new.predicate] + new.opposites AS predicate
  MATCH (f:Fact {user_id: $user_id, subject_uuid: new.subject_uuid, predicate: predicate})
  WHERE f.expired_at IS NULL AND CASE predicate
    WHEN new.predicate THEN coalesce(f.object_uuid <> new.object_uuid, true)
    ELSE coalesce(f.object_uuid = new.object_uuid, true) END
} AS contend
