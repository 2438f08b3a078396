// When any partition was last written to, as the clock said then.
// mode: read
// returns: last_at datetime or null - the latest instant of all partitions, UTC
MATCH (p:Partition)
RETURN max(p.last_at) AS last_at
