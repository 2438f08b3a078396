// The answer of an earlier attempt of the same call, if there was one.
// mode: write
// param: uuid string - identity of the call
// returns: result string
MATCH (r:Request {uuid: $uuid})
RETURN r.result AS result
