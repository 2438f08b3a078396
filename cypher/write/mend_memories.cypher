// Give memories whose text was edited by hand the hash and the terms of that text, and queue them for the index.
// mode: write
// param: user_id string - partition
// param: user_key string - its token in the full-text indexes
// param: memories list[map] - uuid, text, name, content_hash, terms
// returns: uuid string
UNWIND $memories AS mended
MATCH (m:Memory {uuid: mended.uuid})
WHERE m.user_id = $user_id AND m.text = mended.text AND (m:Deleting) = false
SET m.user_key = $user_key, m.name = mended.name, m.content_hash = mended.content_hash, m.terms = mended.terms, m.index_rev = m.index_rev + 1, m:Unindexed
WITH m
CALL (m) {
  MATCH (m)-[:NEXT*1..2]->(following:Memory)
  SET following.index_rev = following.index_rev + 1, following:Unindexed
}
RETURN m.uuid AS uuid
