// Note that facts expired which only an earlier version states, and that those did not which their memory states.
// mode: write
// param: user_id string - partition
// param: now datetime - when they expired if nothing tells it, UTC
MATCH (f:Fact)<-[:STATES]-(o) WHERE f.user_id = $user_id
WITH f, head(collect(CASE WHEN o:MemoryVersion THEN o END)) AS version, count(CASE WHEN o:Memory THEN 1 END) AS stand
WHERE (stand > 0) = (f.expired_at IS NOT NULL)
SET f.expired_at = CASE WHEN stand > 0 THEN null WHEN version.replaced_at IS :: ZONED DATETIME NOT NULL
  THEN version.replaced_at ELSE $now END
