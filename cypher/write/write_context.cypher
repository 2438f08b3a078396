// What an add must know of the partition, read under its lock: equal notes, known names, targets.
// mode: write
// param: user_id string - partition
// param: agent_id string or null - scope of the new memories
// param: run_id string or null - scope of the new memories
// param: project string or null - scope of the new memories
// param: hashes list[string] - content hashes of the new notes, which may stand already
// param: keys list[string] - alias keys that the new texts and facts name
// param: targets list[string] - uuids of facts that the new ones want to supersede
// param: conversation boolean - whether the last message of the run is wanted
// returns: notes list[{hash string, uuid string, occurred_at datetime, facts list[{claim_key string, uuid string,
//   statement string, because string or null, revisit_when string or null, valid_at datetime, valid_from_source string,
//   invalid_at datetime or null, stated_invalid_at datetime or null}], metadata string}]
// returns: aliases list[{key string, uuid string, kind string}]
// returns: facts list[{uuid string, valid_at datetime, claim_key string}]
// returns: last_message string or null
CALL () {
  UNWIND $hashes AS hash
  MATCH (m:Memory {user_id: $user_id, content_hash: hash})
  WHERE m.kind = 'note' AND NOT m:Deleting
    AND coalesce(m.agent_id, '') = coalesce($agent_id, '')
    AND coalesce(m.run_id, '') = coalesce($run_id, '')
    AND coalesce(m.project, '') = coalesce($project, '')
  WITH hash, m ORDER BY m.seq DESC
  RETURN collect({hash: hash, uuid: m.uuid, occurred_at: m.occurred_at,
                  facts: [(m)-[:STATES]->(f:Fact) | f {.claim_key, .uuid, .statement, .because,
                    .revisit_when, .valid_at, .valid_from_source, .invalid_at, .stated_invalid_at}],
                  metadata: coalesce(m.metadata, '{}')}) AS notes
}
CALL () {
  UNWIND $keys AS key
  MATCH (a:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
  RETURN collect({key: key, uuid: e.uuid, kind: e.kind}) AS aliases
}
CALL () {
  UNWIND $targets AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.expired_at IS NULL AND NOT m:Deleting
  RETURN collect({uuid: f.uuid, valid_at: f.valid_at, claim_key: f.claim_key}) AS facts
}
CALL () {
  MATCH (m:Memory {user_id: $user_id, run_id: $run_id})
  WHERE $conversation AND m.kind = 'message' AND NOT m:Deleting
  RETURN m.uuid AS last_message ORDER BY m.seq DESC LIMIT 1
  UNION ALL
  RETURN null AS last_message
}
WITH notes, aliases, facts, collect(last_message) AS last_messages
RETURN notes, aliases, facts, head(last_messages) AS last_message
