// Give drawn claims the reasons, the conditions and the project of the facts that state them.
// mode: schema
MATCH (:Entity)-[r]->(:Entity) WHERE r.claim_key IS NOT NULL
CALL (r) {
  UNWIND r.fact_uuids AS uuid
  MATCH (f:Fact {uuid: uuid})
  WITH r, f ORDER BY f.seq
  WITH r, collect(f.scope)[0] AS scope, collect(DISTINCT f.because) AS reasons,
    collect(DISTINCT f.revisit_when) AS conditions
  SET r.because = reduce(all = reasons[0], reason IN reasons[1..] | all + '; ' + reason),
    r.revisit_when = reduce(all = conditions[0], condition IN conditions[1..] | all + '; ' + condition),
    r.project = CASE WHEN scope STARTS WITH 'project:' THEN nullIf(substring(scope, 8), '') END
} IN TRANSACTIONS OF 500 ROWS
