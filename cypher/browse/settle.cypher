// Settle a contradiction: the older fact no longer holds, because the newer one took its place. Put the ids of both in.
// mode: write
// param: user_id string - whose memories
// param: older string - id of the fact that ends
// param: newer string - id of the fact that takes its place
// param: reason string - why
MATCH (old:Fact {uuid: $older})
MATCH (new:Fact {uuid: $newer})
WHERE old.user_id = $user_id AND new.user_id = $user_id AND old <> new
MERGE (old)-[d:SUPERSEDED_BY {kind: 'superseded'}]->(new) // or 'corrected', if it was never true
  ON CREATE SET d.uuid = randomUUID(), d.at = datetime(), d.judge = 'person', d.reason = $reason,
    d.effective_at = CASE WHEN new.valid_at.year > 1 THEN new.valid_at ELSE datetime() END
