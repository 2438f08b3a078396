// The types of relationships that queries name, for the same reason as labels.
// mode: schema
UNWIND [
  'EXTRACTS', 'MERGED_INTO', 'NAMES', 'NEXT', 'OBJECT', 'PREVIOUS', 'REFERS_TO', 'STATES', 'SUBJECT',
  'SUPERSEDED_BY'
] AS name
CALL db.createRelationshipType(name)
RETURN count(*) AS known
