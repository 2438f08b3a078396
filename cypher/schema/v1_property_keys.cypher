// The properties of nodes and relationships that queries name, for the same reason as labels.
// mode: schema
UNWIND [
  'agent_id', 'applied', 'as', 'at', 'attempt', 'because', 'broken', 'bulk', 'call', 'calls', 'checked_at',
  'claim_key', 'claimed_by', 'collection_id', 'content_hash', 'cost', 'created_at', 'day', 'degree', 'dropped',
  'effective_at', 'error', 'expired_at', 'extraction', 'extraction_error', 'fact', 'fact_uuids', 'facts',
  'failures', 'finished_at', 'followed_by', 'held_until', 'holder', 'index_attempts', 'index_error',
  'index_retry_at', 'index_rev', 'infer', 'instance', 'invalid_at', 'judge', 'key', 'keys', 'kind', 'last_at',
  'last_recalled_at', 'last_used', 'lease_until', 'memories', 'metadata', 'model', 'moves_object', 'moves_subject',
  'name', 'name_key', 'next_attempt_at', 'noise', 'noise_reason', 'object_key', 'object_uuid', 'object_value',
  'occurred_at', 'origin', 'place', 'position', 'predicate', 'project', 'prompt', 'prompt_hash', 'reason',
  'recall_count', 'replaced_at', 'result', 'revisit_when', 'role', 'run_id', 'scope', 'seq', 'shared', 'speaker',
  'started_at', 'state', 'stated_invalid_at', 'statement', 'subject_uuid', 'terms', 'text', 'tokens', 'total',
  'undecided', 'undone_at', 'undone_by', 'updated_at', 'user_id', 'user_key', 'uuid', 'valid_at',
  'valid_from_source', 'version'
] AS name
CALL db.createProperty(name)
RETURN count(*) AS known
