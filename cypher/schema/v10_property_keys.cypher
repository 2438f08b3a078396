// The properties that queries name since version 10, for the same reason as labels.
// mode: schema
UNWIND ['counted_seq', 'erased_seq', 'word_counts'] AS name
CALL db.createProperty(name)
RETURN count(*) AS known
