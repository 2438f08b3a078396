// Delete decisions that join no two facts or say nothing, and date those that lost their date by the newer fact.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (f:Fact)-[d:SUPERSEDED_BY]-(o) WHERE f.user_id = $user_id
  WITH DISTINCT d, startNode(d) AS old, endNode(d) AS new
  WHERE NOT old:Fact OR NOT new:Fact OR old = new OR coalesce(NOT d.kind IN ['superseded', 'corrected', 'followed'], true)
    OR old.user_id <> new.user_id
  DELETE d
}
MATCH (f:Fact)-[d:SUPERSEDED_BY]->(new:Fact) WHERE f.user_id = $user_id
SET d.uuid = CASE WHEN d.uuid IS :: STRING NOT NULL THEN d.uuid ELSE randomUUID() END,
  d.at = CASE WHEN d.at IS :: ZONED DATETIME NOT NULL THEN d.at ELSE new.created_at END,
  d.effective_at = CASE WHEN d.effective_at IS :: ZONED DATETIME NOT NULL THEN d.effective_at ELSE new.valid_at END,
  d.undone_at = CASE WHEN d.undone_at IS :: ZONED DATETIME THEN d.undone_at END
