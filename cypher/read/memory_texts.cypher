// Texts of memories, for counting their words.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the memories
// returns: texts list[{content_hash string, text string}]
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id AND (m:Deleting) = false
RETURN collect(m {.content_hash, .text}) AS texts
