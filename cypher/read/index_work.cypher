// What the index has to do next: queued nodes that came in bulk, or the others, none that backs off; and points to remove.
// mode: read
// param: now datetime - instant for the back-off, UTC
// param: bulk boolean - whether nodes that came in bulk are wanted, or the others
// param: wanted list[string] - only these nodes are looked for, whether they came in bulk or not; empty for any
// param: taken list[string] - nodes that are being worked on
// param: written map - revision that was written of nodes that still wait for the flush, by uuid
// param: nodes_top_k integer - most nodes returned
// param: tombstones_top_k integer - most points returned
// returns: nodes list[{uuid string, user_id string, index_rev integer, kind string, text string, gone boolean, agent_id
//   string or null, run_id string or null, project string or null, metadata string or null, valid_at datetime or null,
//   invalid_at datetime or null, created_at datetime or null, owner string or null, form string or null, speaker string or null,
//   noise boolean, earlier list[{uuid string, text string}]}] - earlier: the two messages before a message
// returns: tombstones list[string]
// returns: bulk_waits boolean - whether there is a node that came in bulk to be worked on
CALL () {
  CALL () {
    UNWIND $wanted AS uuid
    MATCH (n:Unindexed {uuid: uuid})
    RETURN n
    UNION ALL
    UNWIND CASE WHEN size($wanted) = 0 THEN [$bulk] ELSE [] END AS bulk
    MATCH (n:Unindexed)
    WHERE coalesce(n.bulk, false) = bulk
    RETURN n
  }
  WITH n
  WHERE NOT n.uuid IN $taken
    AND (n.index_retry_at IS NULL OR n.index_retry_at <= $now)
    AND ($written[n.uuid] IS NULL OR $written[n.uuid] <> n.index_rev)
  WITH n LIMIT $nodes_top_k
  OPTIONAL MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(n)
  WITH n, m, coalesce(m, n) AS owner
  CALL (n) {
    MATCH path = (n)<-[:NEXT*1..2]-(earlier)
    WHERE n.kind = 'message' AND (earlier:Deleting) = false
    WITH earlier ORDER BY length(path) DESC
    RETURN collect(earlier {.uuid, .text}) AS earlier
  }
  RETURN collect(n {.uuid, .user_id, .index_rev, .invalid_at, valid_at: coalesce(n.valid_at, n.occurred_at),
    created_at: CASE WHEN n:Memory THEN n.created_at END,
    kind: CASE WHEN n:Memory THEN 'memory' WHEN n:Fact THEN 'fact' ELSE 'entity' END,
    text: coalesce(n.text, n.statement, n.name),
    gone: n:Deleting OR owner:Deleting OR n.expired_at IS NOT NULL,
    owner: m.uuid, form: CASE WHEN n:Memory THEN n.kind END,
    speaker: n.speaker, noise: coalesce(owner.noise, false), earlier: earlier,
    agent_id: owner.agent_id, run_id: owner.run_id, project: owner.project, metadata: owner.metadata}) AS nodes
}
CALL () {
  MATCH (t:Pending)
  WITH t LIMIT $tombstones_top_k
  RETURN collect(t.uuid) AS tombstones
}
RETURN nodes, tombstones, EXISTS {
  MATCH (n:Unindexed)
  WHERE n.bulk AND NOT n.uuid IN $taken
    AND (n.index_retry_at IS NULL OR n.index_retry_at <= $now)
    AND ($written[n.uuid] IS NULL OR $written[n.uuid] <> n.index_rev)
} AS bulk_waits
