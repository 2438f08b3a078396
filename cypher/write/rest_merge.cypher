// Let a merge rest on another fact that says that the two things are one.
// mode: write
// param: source string - the merged entity
// param: fact string - the fact
MATCH (source:Entity {uuid: $source})-[m:MERGED_INTO]->(:Entity)
SET m.fact = $fact
