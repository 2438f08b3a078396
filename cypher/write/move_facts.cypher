// Bind sides of facts to another entity; a side keeps the name by which it was stated. Both entities are counted again.
// mode: write
// param: facts list[map] - uuid, subject_uuid, object_uuid, object_key, claim_key, moves_subject, moves_object
// param: entities list[string] - the entity that the sides leave, and the one that they come to
CALL () {
  UNWIND $facts AS fact
  MATCH (f:Fact {uuid: fact.uuid})
  SET f.subject_uuid = fact.subject_uuid, f.object_uuid = fact.object_uuid, f.object_key = fact.object_key,
    f.claim_key = fact.claim_key, f.index_rev = f.index_rev + 1, f:Unindexed
  WITH f, fact
  CALL (f, fact) {
    MATCH (f)-[side:SUBJECT]->(:Entity) WHERE fact.moves_subject
    MATCH (subject:Entity {uuid: fact.subject_uuid})
    CREATE (f)-[:SUBJECT {name_key: side.name_key}]->(subject)
    DELETE side
  }
  CALL (f, fact) {
    MATCH (f)-[side:OBJECT]->(:Entity) WHERE fact.moves_object
    MATCH (object:Entity {uuid: fact.object_uuid})
    CREATE (f)-[:OBJECT {name_key: side.name_key}]->(object)
    DELETE side
  }
}
UNWIND $entities AS uuid
MATCH (e:Entity {uuid: uuid})
SET e.degree = COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() }
