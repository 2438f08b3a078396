// Link the messages of broken conversations again, in the order in which they were stored.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - messages of them
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id
CALL (m) {
  MATCH (m)-[r:NEXT]-(o)
  WHERE m.run_id IS NULL OR coalesce(o.run_id <> m.run_id, true) OR coalesce(o.kind <> 'message', true)
  WITH m, r, o, startNode(r) = m AS leads, CASE WHEN startNode(r) = m THEN o.seq > m.seq ELSE o.seq < m.seq END AS onward
  ORDER BY o.seq
  WITH leads, collect(CASE WHEN coalesce(o.kind = 'message' AND o.run_id IS NULL AND m.run_id IS NULL AND onward, false) THEN r END) AS sound,
    collect(r) AS all
  UNWIND [r IN all WHERE NOT r IN sound[0..1]] AS needless
  DELETE needless
}
WITH DISTINCT m.run_id AS run_id WHERE run_id IS NOT NULL
CALL (run_id) {
  MATCH (m:Memory {user_id: $user_id, run_id: run_id})-[r:NEXT]->()
  DELETE r
}
CALL (run_id) {
  MATCH (m:Memory {user_id: $user_id, run_id: run_id}) WHERE m.kind = 'message'
  WITH m ORDER BY m.seq
  WITH collect(m) AS messages
  UNWIND range(0, size(messages) - 2) AS i
  WITH messages[i] AS previous, messages[i + 1] AS next
  CREATE (previous)-[:NEXT]->(next)
}
