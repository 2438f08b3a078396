// Cache the ends of facts, which follow from decisions and timelines, and queue the facts for the index.
// mode: write
// param: ends list[map] - uuid, invalid_at or null, followed_by (the later value that alone ended it) or null
UNWIND $ends AS end
MATCH (f:Fact {uuid: end.uuid})
SET f.invalid_at = end.invalid_at, f.followed_by = end.followed_by, f.index_rev = f.index_rev + 1, f:Unindexed
