// Let each merged thing be merged into one other, the first one, and open circles where they were closed last.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (e:Entity)-[m:MERGED_INTO]->() WHERE e.user_id = $user_id
  WITH e, m ORDER BY m.at
  WITH e, collect(m) AS merges WHERE size(merges) > 1
  UNWIND merges[1..] AS needless
  RETURN needless
  UNION
  CALL () {
    MATCH (e:Entity)-[m:MERGED_INTO]->(t:Entity)
    WHERE e.user_id = $user_id AND EXISTS { (t)-[:MERGED_INTO]->{0,50}(e) }
    RETURN m AS needless ORDER BY m.at DESC LIMIT 1
  }
  RETURN needless
}
DELETE needless
