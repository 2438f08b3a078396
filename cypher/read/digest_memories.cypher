// A page of a partition's memories with all that they state, name and decided, for its canonical digest.
// mode: read
// param: user_id string - partition
// param: after integer - sequence number of the last memory of the page before; -1 for the first page
// param: top_k integer - most memories returned
// returns: memory Memory
// returns: next list[{text string, created_at datetime}] - the following message of the conversation
// returns: versions list[{uuid string, text string, metadata string, occurred_at datetime, created_at datetime,
//   replaced_at datetime}]
// returns: mentions list[{state string, key string, name string, role string, kind string or null}] - state is the uuid of
//   the memory, or of the version that names it
// returns: facts list[{state string, fact Fact, subject string or null, object string or null, decisions list[{decision
//   Decision, by {statement string, predicate string, valid_at datetime, created_at datetime, expired_at datetime or
//   null, text string or null}}]}] - subject and object are alias keys
// order: seq
MATCH (m:Memory {user_id: $user_id})
WHERE m.seq > $after AND (m:Deleting) = false
WITH m ORDER BY m.seq LIMIT $top_k
CALL (m) {
  MATCH (m)-[:PREVIOUS*0..1]->(state)-[:STATES]->(f:Fact)
  RETURN collect({state: state.uuid, fact: f {.*},
    subject: head([(f)-[side:SUBJECT]->(:Entity) | side.name_key]),
    object: head([(f)-[side:OBJECT]->(:Entity) | side.name_key]),
    decisions: [(f)-[d:SUPERSEDED_BY]->(n:Fact) | {decision: properties(d),
      by: n {.statement, .predicate, .valid_at, .created_at, .expired_at,
        text: head([(owner)-[:STATES]->(n) | owner.text])}}]}) AS facts
}
CALL (m) {
  MATCH (m)-[:PREVIOUS*0..1]->(state)-[n:NAMES]->(a:Alias)
  RETURN collect({state: state.uuid, key: a.key, name: n.name, role: n.as, kind: n.kind}) AS mentions
}
RETURN m {.*} AS memory, [(m)-[:NEXT]->(n:Memory) | n {.text, .created_at}] AS next,
  [(m)-[:PREVIOUS]->(v:MemoryVersion) |
    v {.uuid, .text, .metadata, .occurred_at, .created_at, .replaced_at}] AS versions, mentions, facts
ORDER BY m.seq
