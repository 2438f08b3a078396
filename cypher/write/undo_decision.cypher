// Undo a decision from now on, with the copies that rewording and deletion made of it.
// mode: write
// param: user_id string - partition
// param: uuid string - the decision
// param: now datetime - instant, UTC
// returns: old string, new string - the facts between which it was decided
// order: current ones first, the newest first
MATCH (old:Fact)-[d:SUPERSEDED_BY {uuid: $uuid}]->(new:Fact)
WHERE old.user_id = $user_id AND d.undone_at IS NULL
SET d.undone_at = $now
WITH DISTINCT old AS older, new AS newer
RETURN older.uuid AS old, newer.uuid AS new ORDER BY older.expired_at IS NOT NULL, older.seq DESC, newer.uuid
