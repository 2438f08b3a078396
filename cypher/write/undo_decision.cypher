// Undo a decision from now on, with the copies that rewording and deletion made of it.
// mode: write
// param: user_id string - partition
// param: uuid string - the decision
// param: now datetime - instant, UTC
// returns: old string - a fact that it had ended
// order: current ones first, the newest first
MATCH (old:Fact)-[d:SUPERSEDED_BY {uuid: $uuid}]->(:Fact)
WHERE old.user_id = $user_id AND d.undone_at IS NULL
SET d.undone_at = $now
WITH DISTINCT old AS fact
RETURN fact.uuid AS old ORDER BY fact.expired_at IS NOT NULL, fact.seq DESC
