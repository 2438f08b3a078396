// Delete the record that an entity was merged, and that later merges moved its names.
// mode: write
// param: source string - the merged entity
// param: keys list[string] - alias keys that it gets back
MATCH (:Entity {uuid: $source})-[merged:MERGED_INTO]->(target:Entity)
DELETE merged
WITH target
MATCH (target)-[later:MERGED_INTO*1..]->(:Entity)
UNWIND later AS above
WITH DISTINCT above
SET above.keys = [key IN above.keys WHERE NOT key IN $keys]
