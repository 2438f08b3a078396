// The labels that queries name. A query that was planned before a name of it was there is planned again once it is, which
// takes up to two seconds of processor time.
// mode: schema
UNWIND [
  'Alias', 'Deleting', 'Entity', 'Fact', 'IndexState', 'Internal', 'Job', 'Memory', 'MemoryVersion', 'Partition',
  'Pending', 'Request', 'SchemaState', 'ScopeCount', 'Spending', 'Thing', 'Tombstone', 'Unindexed'
] AS name
CALL db.createLabel(name)
RETURN count(*) AS known
