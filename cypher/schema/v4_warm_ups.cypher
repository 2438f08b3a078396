// Remove the partitions that the rehearsals of earlier starts left. Nobody has written to them.
// mode: schema
MATCH (p:Partition)
WHERE p.user_id =~ 'warm-up-[0-9a-f]{16}' AND NOT EXISTS { MATCH (m:Memory {user_id: p.user_id}) }
CALL (p) { DELETE p } IN TRANSACTIONS OF 1000 ROWS
