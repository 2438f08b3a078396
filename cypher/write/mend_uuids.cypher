// Give nodes that a person made without a uuid one.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (n:Memory) WHERE n.user_id = $user_id AND (n.uuid IS NULL OR NOT n.uuid IS :: STRING) RETURN n
  UNION ALL
  MATCH (n:MemoryVersion) WHERE n.user_id = $user_id AND (n.uuid IS NULL OR NOT n.uuid IS :: STRING) RETURN n
  UNION ALL
  MATCH (n:Fact) WHERE n.user_id = $user_id AND (n.uuid IS NULL OR NOT n.uuid IS :: STRING) RETURN n
  UNION ALL
  MATCH (n:Entity) WHERE n.user_id = $user_id AND (n.uuid IS NULL OR NOT n.uuid IS :: STRING) RETURN n
  UNION ALL
  MATCH (n:Job) WHERE n.user_id = $user_id AND (n.uuid IS NULL OR NOT n.uuid IS :: STRING) RETURN n
}
SET n.uuid = randomUUID()
