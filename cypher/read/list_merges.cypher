// Entities that were merged into others, newest first.
// mode: read
// param: user_id string - partition
// param: top_k integer - most merges returned
// returns: merges list[{source string, name string, kind string, target string, into string, keys list[string], reason
//   string, at datetime}]
MATCH (source:Entity)-[m:MERGED_INTO]->(target:Entity)
WHERE source.user_id = $user_id
WITH source, m, target ORDER BY m.at DESC LIMIT $top_k
RETURN collect({source: source.uuid, name: source.name, kind: source.kind, target: target.uuid, into: target.name,
  keys: m.keys, reason: m.reason, at: m.at}) AS merges
