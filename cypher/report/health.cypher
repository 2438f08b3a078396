// Whether the graph is sound: things that should not be there, work that waits, and the schema's version.
// mode: read
// param: user_id string - whose part of the graph
// returns: check string - what was looked at
// returns: found integer - how many there are; the schema's version in its row
// returns: meaning string - what to do where there are any
CALL () {
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.claim_key >= '' AND NOT EXISTS { (f)<-[:STATES]-() }
  WITH count(f) AS found
  RETURN 'facts without a memory' AS check, found, 'left over by a deletion by hand: knowthread repair' AS meaning
  UNION ALL
  MATCH (a:Alias) WHERE a.user_id = $user_id AND a.key >= '' AND NOT EXISTS { (a)<-[:NAMES]-() }
  WITH count(a) AS found
  RETURN 'names that no memory uses' AS check, found, 'knowthread repair' AS meaning
  UNION ALL
  MATCH (a:Alias) WHERE a.user_id = $user_id AND a.key >= '' AND NOT EXISTS { (a)-[:REFERS_TO]->(:Entity) }
  WITH count(a) AS found
  RETURN 'names of nothing' AS check, found, 'knowthread repair' AS meaning
  UNION ALL
  MATCH (e:Entity) WHERE e.user_id = $user_id AND NOT EXISTS { (e)<-[:REFERS_TO]-() } AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
  WITH count(e) AS found
  RETURN 'things without a name' AS check, found, 'knowthread repair' AS meaning
  UNION ALL
  MATCH (n:Unindexed) WHERE n.user_id = $user_id
  WITH count(n) AS found
  RETURN 'nodes that wait for the index' AS check, found, 'found by words meanwhile; knowthread status' AS meaning
  UNION ALL
  MATCH (n:Unindexed) WHERE n.user_id = $user_id AND n.index_error IS NOT NULL
  WITH count(n) AS found
  RETURN 'nodes that the index refused' AS check, found, 'knowthread status says why' AS meaning
  UNION ALL
  MATCH (t:Tombstone) WHERE t.user_id = $user_id
  WITH count(t) AS found
  RETURN 'points that wait for removal' AS check, found, 'they go within minutes' AS meaning
  UNION ALL
  MATCH (j:Job) WHERE j.user_id = $user_id AND j.state = 'dead'
  WITH count(j) AS found
  RETURN 'jobs given up after failures' AS check, found, 'knowthread jobs list --state dead, then jobs retry' AS meaning
  UNION ALL
  MATCH (s:SchemaState)
  WITH max(s.version) AS found
  RETURN 'schema version' AS check, found, 'for a bug report' AS meaning
}
RETURN check, found, meaning
