// What an add must know of the partition, read under its lock: equal notes, known names, targets.
// mode: write
// param: user_id string - partition
// param: agent_id string or null - scope of the new memories
// param: run_id string or null - scope of the new memories
// param: project string or null - scope of the new memories
// param: hashes list[string] - content hashes of the new notes, which may stand already
// param: keys list[string] - alias keys that facts name, and the single words of the texts
// param: runs list[map] - keys: alias keys of several words in the texts; first: the word that all of them begin with, and
//   a blank. They are looked up only if some alias begins with it, which saves nine in ten of all lookups.
// param: targets list[string] - uuids of facts that the new ones want to supersede
// param: messages integer - how many of the run's last messages are wanted
// returns: notes list[{hash string, uuid string, occurred_at datetime, facts list[{claim_key string, uuid string,
//   statement string, because string or null, revisit_when string or null, valid_at datetime, valid_from_source string,
//   invalid_at datetime or null, stated_invalid_at datetime or null}], metadata string}]
// returns: aliases list[{key string, uuid string, kind string}]
// returns: facts list[{uuid string, valid_at datetime, claim_key string}]
// returns: owners list[{uuid string, facts list[{uuid string, valid_at datetime, claim_key string, statement string}]}] -
//   memories whose ids are given as targets
// returns: messages list[{hash string, role string or null, speaker string or null, uuid string, occurred_at datetime,
//   facts list[{claim_key string, uuid string, statement string, because string or null, revisit_when string or null,
//   valid_at datetime, valid_from_source string, invalid_at datetime or null, stated_invalid_at datetime or null}],
//   metadata string}] - of the run, newest first
CALL () {
  UNWIND $hashes AS hash
  MATCH (m:Memory {user_id: $user_id, content_hash: hash})
  WHERE m.kind = 'note' AND (m:Deleting) = false
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
  CALL () {
    UNWIND $keys AS key
    RETURN key
    UNION ALL
    UNWIND $runs AS run
    WITH run WHERE EXISTS { MATCH (a:Alias) WHERE a.user_id = $user_id AND a.key STARTS WITH run.first }
    UNWIND run.keys AS key
    RETURN key
  }
  MATCH (a:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
  RETURN collect({key: key, uuid: e.uuid, kind: e.kind}) AS aliases
}
CALL () {
  UNWIND $targets AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.expired_at IS NULL AND (m:Deleting) = false
  RETURN collect({uuid: f.uuid, valid_at: f.valid_at, claim_key: f.claim_key}) AS facts
}
CALL () {
  UNWIND $targets AS uuid
  MATCH (owner:Memory {uuid: uuid}) WHERE owner.user_id = $user_id AND (owner:Deleting) = false
  RETURN collect({uuid: uuid, facts: [(owner)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL |
    f {.uuid, .valid_at, .claim_key, .statement}]}) AS owners
}
CALL () {
  MATCH (m:Memory {user_id: $user_id, run_id: $run_id})
  WHERE $messages > 0 AND m.kind = 'message' AND (m:Deleting) = false
  WITH m ORDER BY m.seq DESC LIMIT $messages
  RETURN collect({hash: m.content_hash, role: m.role, speaker: m.speaker, uuid: m.uuid, occurred_at: m.occurred_at,
                  facts: [(m)-[:STATES]->(f:Fact) | f {.claim_key, .uuid, .statement, .because,
                    .revisit_when, .valid_at, .valid_from_source, .invalid_at, .stated_invalid_at}],
                  metadata: coalesce(m.metadata, '{}')}) AS messages
}
RETURN notes, aliases, facts, owners, messages
