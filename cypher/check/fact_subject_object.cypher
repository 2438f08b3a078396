// A fact is bound to the subject and the object that it names, and to no other.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
WITH f, [(f)-[:SUBJECT]->(e) | e.uuid] AS subjects, [(f)-[:OBJECT]->(e) | e.uuid] AS objects
WITH f, CASE
  WHEN size(subjects) > 1 THEN 'it is bound to several subjects'
  WHEN size(objects) > 1 THEN 'it is bound to several objects'
  WHEN f.subject_uuid IS NOT NULL AND size(subjects) = 0 THEN 'its subject is gone'
  WHEN f.object_uuid IS NOT NULL AND size(objects) = 0 THEN 'its object is gone'
  WHEN size(subjects) = 1 AND coalesce(f.subject_uuid <> subjects[0], true) THEN 'it is bound to a subject that it does not name'
  WHEN size(objects) = 1 AND coalesce(f.object_uuid <> objects[0], true) THEN 'it is bound to an object that it does not name'
  WHEN size(objects) = 1 AND coalesce(split(f.object_key, '@')[0] <> 'entity:' + objects[0], true) THEN 'its object_key is of another object'
END AS problem WHERE problem IS NOT NULL
RETURN f AS node, problem
LIMIT $limit
