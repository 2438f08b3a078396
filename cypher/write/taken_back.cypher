// The decisions that other decisions took back, and that stand again if those are undone or fall.
// mode: write
// param: user_id string - partition
// param: by list[string] - the decisions that are undone or fell
// returns: old string, new string, properties Decision
// order: the latest first
UNWIND $by AS uuid
MATCH (:Fact)-[d:SUPERSEDED_BY {uuid: uuid}]->(old:Fact) WHERE old.user_id = $user_id AND old.expired_at IS NULL
WITH DISTINCT uuid, old
MATCH (old)-[taken:SUPERSEDED_BY {undone_by: uuid}]->(new:Fact) WHERE new.expired_at IS NULL
WITH old, new, taken ORDER BY taken.at DESC
WITH old, new, taken.uuid AS decision, head(collect(taken)) AS last
RETURN old.uuid AS old, new.uuid AS new, properties(last) AS properties ORDER BY last.at DESC
