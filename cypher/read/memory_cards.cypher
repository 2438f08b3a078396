// What ranking by words alone reads of memories, and of the two messages either side of each.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - memories
// returns: cards list[{uuid string, text string, noise boolean, agent_id string or null, run_id string or null, project
//   string or null, speaker string or null, occurred_at datetime, created_at datetime, form string, previous
//   list[string]}]
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})
CALL (m) {
  WITH m WHERE m.kind <> 'message'
  RETURN m AS near
  UNION
  WITH m WHERE m.kind = 'message'
  MATCH (m)-[:NEXT*0..2]-(near:Memory)
  RETURN near
}
WITH DISTINCT near AS m
WHERE m.user_id = $user_id AND (m:Deleting) = false
RETURN collect(m {.uuid, .text, .agent_id, .run_id, .project, .speaker, .occurred_at, .created_at, form: m.kind, noise: coalesce(m.noise, false),
  previous: CASE m.kind WHEN 'message' THEN [(m)<-[:NEXT*1..2]-(n:Memory) | n.uuid] ELSE [] END}) AS cards
