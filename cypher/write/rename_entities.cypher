// Give entities the display name and kind of the mentions that remain.
// mode: write
// param: entities list[map] - uuid, name, terms and kind (a checked label)
UNWIND $entities AS entity
MATCH (e:Entity {uuid: entity.uuid})
WHERE coalesce(e.name <> entity.name OR e.kind <> entity.kind, true)
REMOVE e:$(CASE WHEN e.kind IS :: STRING NOT NULL THEN e.kind ELSE entity.kind END)
SET e.name = entity.name, e.terms = entity.terms, e.kind = entity.kind, e:$(entity.kind),
  e.index_rev = e.index_rev + 1, e:Unindexed
