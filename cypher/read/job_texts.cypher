// What a job is about: its memories in order, what was said just before, and the names that they mention.
// mode: read
// param: user_id string - partition
// param: uuid string - the job
// param: earlier integer - most turns before the first
// returns: memories list[{uuid string, text string, content_hash string, role string or null, speaker string or null,
//   agent_id string or null, run_id string or null, project string or null, occurred_at datetime, created_at datetime,
//   seq integer, noise_reason string or null}]
// returns: earlier list[{text string, role string or null, speaker string or null}] - oldest first
// returns: names list[string]
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
CALL (j) {
  MATCH (j)-[e:EXTRACTS]->(m:Memory)
  WHERE (m:Deleting) = false
  WITH e, m ORDER BY e.position
  RETURN collect(m {.uuid, .text, .content_hash, .role, .speaker, .project, .agent_id, .run_id, .occurred_at,
    .created_at, .seq, .noise_reason}) AS memories
}
CALL (memories) {
  MATCH (first:Memory {uuid: memories[0].uuid})
  MATCH path = (before:Memory)-[:NEXT*1..6]->(first)
  WHERE before.user_id = $user_id AND (before:Deleting) = false
  WITH before, length(path) AS distance ORDER BY distance LIMIT $earlier
  WITH before, distance ORDER BY distance DESC
  RETURN collect(before {.text, .role, .speaker}) AS earlier
}
CALL (memories) {
  UNWIND memories AS memory
  MATCH (m:Memory {uuid: memory.uuid})-[:NAMES]->(:Alias)-[:REFERS_TO]->(e:Entity)
  WITH DISTINCT e.name AS name ORDER BY size(name) DESC LIMIT 60
  RETURN collect(name) AS names
}
RETURN memories, earlier, names
