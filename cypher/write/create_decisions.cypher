// Record that facts replace others. If the same is decided already, the earlier of both instants counts. A decision that
// would close a circle is left out.
// mode: write
// param: decisions list[map] - old, new, properties (uuid, kind, at, effective_at, judge, reason)
UNWIND $decisions AS decision
CALL (decision) {
  MATCH (old:Fact {uuid: decision.old})
  MATCH (new:Fact {uuid: decision.new})
  WHERE old <> new AND NOT EXISTS {
    MATCH path = (new)-[:SUPERSEDED_BY*1..]->(old)
    WHERE all(d IN relationships(path) WHERE d.undone_at IS NULL)
      AND all(f IN nodes(path) WHERE f.expired_at IS NULL)
  }
  OPTIONAL MATCH (old)-[same:SUPERSEDED_BY {kind: decision.properties.kind}]->(new) WHERE same.undone_at IS NULL
  WITH decision, old, new, collect(same) AS standing
  FOREACH (d IN standing | SET d.at = CASE WHEN decision.properties.at < d.at THEN decision.properties.at ELSE d.at END)
  FOREACH (ignored IN CASE WHEN standing = [] THEN [1] ELSE [] END |
    CREATE (old)-[d:SUPERSEDED_BY]->(new)
    SET d = decision.properties)
}
