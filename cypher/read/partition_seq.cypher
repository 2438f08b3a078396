// How far a partition has come; tells whether what was sampled of it is still typical.
// mode: read
// param: user_id string - partition
// returns: seq integer
MATCH (p:Partition {user_id: $user_id}) RETURN p.seq AS seq
