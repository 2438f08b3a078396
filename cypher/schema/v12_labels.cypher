// The labels that queries name since version 12, for the same reason as the others.
// mode: schema
UNWIND ['WordCounts'] AS name
CALL db.createLabel(name)
RETURN count(*) AS known
