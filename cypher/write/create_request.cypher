// Keep the answer of a call that changed something, so that a repetition of the call gets the same answer.
// mode: write
// param: uuid string - identity of the call
// param: user_id string - partition
// param: call string - fingerprint of its tool and arguments; empty for calls of the service itself
// param: result string - the answer as JSON, ids and counts only
// param: now datetime - instant of the call, UTC
CREATE (:Request:Internal {uuid: $uuid, user_id: $user_id, call: $call, result: $result, created_at: $now})
