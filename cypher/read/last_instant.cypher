// When the partition was last written to. The present of its reads is not before that.
// mode: read
// param: user_id string - partition
// returns: last_at datetime or null - instant of its last write, UTC
OPTIONAL MATCH (p:Partition {user_id: $user_id})
RETURN p.last_at AS last_at
