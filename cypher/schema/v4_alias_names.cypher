// Give each alias the spelling by which it is mentioned most.
// mode: schema
MATCH (a:Alias) WHERE a.name IS NULL
CALL (a) {
  MATCH (a)<-[n:NAMES]-()
  WITH a, n.name AS name, count(*) AS uses ORDER BY uses DESC, name
  WITH a, collect(name)[0] AS best
  SET a.name = best
} IN TRANSACTIONS OF 500 ROWS
