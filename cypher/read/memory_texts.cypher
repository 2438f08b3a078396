// Texts of memories, for counting their words.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the memories
// returns: uuid string, text string, content_hash string
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id
RETURN m.uuid AS uuid, m.text AS text, m.content_hash AS content_hash
