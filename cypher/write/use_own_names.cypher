// Let a user's memories use the user's own names where they used the same names of another.
// mode: write
// param: user_id string - partition
MATCH (n)-[used:NAMES]->(a:Alias) WHERE (n:Memory OR n:MemoryVersion) AND n.user_id = $user_id AND a.user_id <> $user_id
MATCH (own:Alias {user_id: $user_id, key: a.key})
CREATE (n)-[now:NAMES]->(own)
SET now = properties(used)
DELETE used
