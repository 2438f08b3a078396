// What ranking needs to know of memories: of those given, of those that state given facts, and of the two messages
// either side of each. The partition's number is read before them, so they are at least as new as it says.
// mode: read
// param: user_id string - partition
// param: memory_uuids list[string] - memories
// param: fact_uuids list[string] - facts
// returns: seq integer or null
// returns: cards list[{uuid string, content_hash string, noise boolean or null, agent_id string or null, run_id string
//   or null, project string or null, speaker string or null, occurred_us integer, created_us integer, neighbours
//   list[string]}]
// returns: owners list[list[string]] - a fact, and the memory that states it
OPTIONAL MATCH (p:Partition {user_id: $user_id})
WITH p.seq AS seq
CALL () {
  UNWIND $fact_uuids AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
  WHERE f.expired_at IS NULL
  RETURN collect([uuid, m.uuid]) AS owners, collect(m) AS stating
}
CALL (stating) {
  CALL (stating) {
    UNWIND $memory_uuids AS uuid
    MATCH (m:Memory {uuid: uuid})
    RETURN m
    UNION
    UNWIND stating AS m
    RETURN m
  }
  CALL (m) {
    WITH m WHERE m.kind <> 'message'
    RETURN m AS near
    UNION
    WITH m WHERE m.kind = 'message'
    MATCH (m)-[:NEXT*0..2]-(near:Memory)
    RETURN near
  }
  WITH DISTINCT near AS m
  WHERE m.user_id = $user_id AND NOT m:Deleting
  RETURN collect(m {.uuid, .content_hash, .noise, .agent_id, .run_id, .project, .speaker,
    occurred_us: m.occurred_at.epochSeconds * 1000000 + m.occurred_at.microsecond,
    created_us: m.created_at.epochSeconds * 1000000 + m.created_at.microsecond,
    neighbours: CASE m.kind WHEN 'message' THEN [(m)-[:NEXT*1..2]-(n:Memory) | n.uuid] ELSE [] END}) AS cards
}
RETURN seq, cards, owners
