// Create the nodes of a draft: entities with their first alias, memories, mentions, facts, decisions. Memories are
// counted in their scopes, and the sides of facts in the degree of what they are about.
// mode: write
// param: user_id string - partition
// param: entities list[map] - key, kind (a checked label) and properties
// param: aliases list[map] - key, name and uuid: more names of entities, known ones or those above
// param: memories list[map] - properties, and previous_uuid, the message before it in the conversation, or null
// param: mentions list[map] - memory_uuid, key, name, as, kind or null; a kind other than Thing labels the entity
// param: facts list[map] - memory_uuid, subject_key, object_name_key and properties
// param: decisions list[map] - old, new, properties, and takes_back, if it undoes the decisions that would
//   close a circle with it; a decision that stands already is not repeated
// returns: taken_back list[{decision string, fact string, by string}] - decisions taken back; fact stands again, and by
//   had replaced it
CALL () {
  UNWIND $entities AS entity
  CREATE (e:Entity:Unindexed:$(entity.kind))
  SET e = entity.properties, e.degree = 0
  MERGE (a:Alias {user_id: $user_id, key: entity.key}) // it may stand, and its thing have been deleted by hand
  ON CREATE SET a.name = entity.properties.name
  CREATE (a)-[:REFERS_TO]->(e)
}
CALL () {
  UNWIND $aliases AS alias
  MATCH (e:Entity {uuid: alias.uuid})
  CREATE (:Alias {user_id: $user_id, key: alias.key, name: alias.name})-[:REFERS_TO]->(e)
}
CALL () {
  UNWIND $memories AS memory
  CREATE (m:Memory:Unindexed)
  SET m = memory.properties
  WITH m, memory
  MATCH (previous:Memory {uuid: memory.previous_uuid})
  CREATE (previous)-[:NEXT]->(m)
}
CALL () {
  UNWIND $memories AS memory
  WITH memory.properties AS memory
  UNWIND [['user', $user_id], ['agent', memory.agent_id], ['run', memory.run_id], ['project', memory.project]] AS scope
  WITH scope[0] AS kind, scope[1] AS name, count(*) AS stored, max(memory.created_at) AS at WHERE name IS NOT NULL
  MERGE (s:ScopeCount {user_id: $user_id, kind: kind, name: name})
  SET s:Internal, s.last_used = at, s.memories = CASE
    WHEN s.memories IS NULL THEN stored WHEN s.memories IS :: INTEGER THEN s.memories + stored ELSE s.memories END
}
CALL () {
  UNWIND $mentions AS mention
  MATCH (m:Memory {uuid: mention.memory_uuid})
  MATCH (a:Alias {user_id: $user_id, key: mention.key})-[:REFERS_TO]->(e:Entity)
  MERGE (m)-[n:NAMES {as: mention.as}]->(a)
  ON CREATE SET n.name = mention.name, n.kind = mention.kind
  SET n.kind = coalesce(n.kind, mention.kind)
  WITH e, mention
  WHERE mention.kind IS NOT NULL AND e.kind = 'Thing' AND mention.kind <> 'Thing'
  REMOVE e:Thing
  SET e.kind = mention.kind, e:$(mention.kind)
}
CALL () {
  UNWIND $facts AS fact
  MATCH (m:Memory {uuid: fact.memory_uuid})
  CREATE (m)-[:STATES]->(f:Fact:Unindexed)
  SET f = fact.properties
  WITH f, fact
  CALL (f, fact) {
    MATCH (subject:Entity {uuid: fact.properties.subject_uuid})
    CREATE (f)-[:SUBJECT {name_key: fact.subject_key}]->(subject)
  }
  CALL (f, fact) {
    MATCH (object:Entity {uuid: fact.properties.object_uuid})
    CREATE (f)-[:OBJECT {name_key: fact.object_name_key}]->(object)
  }
}
CALL () {
  UNWIND $facts AS fact
  UNWIND [fact.properties.subject_uuid, fact.properties.object_uuid] AS uuid
  WITH DISTINCT uuid
  MATCH (e:Entity {uuid: uuid})
  SET e.degree = COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() }
}
CALL () {
  UNWIND $decisions AS decision
  CALL (decision) {
    MATCH (old:Fact {uuid: decision.old})
    MATCH (new:Fact {uuid: decision.new})
    WHERE old <> new
    CALL (decision, old, new) {
      MATCH (new)-[reverse:SUPERSEDED_BY]->(by:Fact)
      WHERE decision.takes_back AND reverse.undone_at IS NULL AND by.expired_at IS NULL
        AND EXISTS {
          MATCH path = (by)-[:SUPERSEDED_BY*0..]->(old)
          WHERE all(d IN relationships(path) WHERE d.undone_at IS NULL)
            AND all(f IN nodes(path) WHERE f.expired_at IS NULL)
        }
      WITH decision, new, by, reverse
      CALL (decision, reverse) {
        MATCH (:Fact)-[copy:SUPERSEDED_BY {uuid: reverse.uuid}]->(:Fact) WHERE copy.undone_at IS NULL
        SET copy.undone_at = decision.properties.at, copy.undone_by = decision.properties.uuid
      }
      RETURN collect({decision: reverse.uuid, fact: new.uuid, by: by.uuid}) AS undone
    }
    CALL (decision, old, new) {
      WITH * WHERE NOT EXISTS {
        MATCH (old)-[d:SUPERSEDED_BY {kind: decision.properties.kind}]->(new) WHERE d.undone_at IS NULL
      }
      CREATE (old)-[d:SUPERSEDED_BY]->(new)
      SET d = decision.properties
    }
    RETURN undone
  }
  RETURN collect(undone) AS rounds
}
RETURN reduce(all = [], undone IN rounds | all + undone) AS taken_back
