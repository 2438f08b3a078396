// Memories by uuid, as a picture shows them beside their facts.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the memories
// param: max_chars integer - most characters of a text
// returns: uuid string, text string, cut boolean, project string or null, agent_id string or null, speaker string or
//   null, occurred_at datetime - cut: the text goes on
// instants: occurred_at
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id AND (m:Deleting) = false
RETURN m.uuid AS uuid, left(m.text, $max_chars) AS text, size(m.text) > $max_chars AS cut, m.project AS project,
  m.agent_id AS agent_id, m.speaker AS speaker, toStringOrNull(m.occurred_at) AS occurred_at
