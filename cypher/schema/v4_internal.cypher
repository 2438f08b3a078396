// Mark bookkeeping with a label of its own, so that people can leave it out of what they look at.
// mode: schema
MATCH (n:Partition|Job|Spending|Request|Tombstone|IndexState|SchemaState) WHERE NOT n:Internal
CALL (n) { SET n:Internal } IN TRANSACTIONS OF 1000 ROWS
