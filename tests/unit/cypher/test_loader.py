import re
from pathlib import Path

import pytest

import cypher
from cypher import QueryFileError, parse

GOOD = """// Facts about one entity.
// Second line of the text.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - entities
// param: as_of datetime or null - instant, UTC
// returns: fact Fact -
//   as it stands
// order: valid_at descending
MATCH (f:Fact {user_id: $user_id}) WHERE f.uuid IN $uuids AND f.valid_at <= $as_of // not $this
RETURN f {.*, note: 'no $param', other: "nor $that", `odd $name`: 1} AS fact /* nor
$these */
"""


def write(folder: Path, text: str, name: str = "some_query") -> Path:
    path = folder / f"{name}.cypher"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_header_becomes_the_query_and_the_text_stays_whole(tmp_path):
    query = parse(write(tmp_path, GOOD), "read")
    assert (query.name, query.folder, query.mode) == ("some_query", "read", "read")
    assert query.doc == "Facts about one entity. Second line of the text."
    assert query.params == {"user_id": "string", "uuids": "list[string]", "as_of": "datetime or null"}
    assert query.returns == ("fact Fact - as it stands",) and query.instants == frozenset()
    assert query.text == GOOD


def test_a_header_names_the_instants_that_come_as_text(tmp_path):
    text = GOOD.replace("// order:", "// instants: valid_at, invalid_at\n// order:")
    assert parse(write(tmp_path, text), "read").instants == {"valid_at", "invalid_at"}


def test_the_database_is_sent_one_parameter_so_that_no_null_and_no_empty_list_needs_a_plan_of_its_own(tmp_path):
    sent = parse(write(tmp_path, GOOD), "read").statement
    body = """MATCH (f:Fact {user_id: $p.user_id}) WHERE f.uuid IN $p.uuids AND f.valid_at <= $p.as_of \n\
RETURN f {.*, note: 'no $param', other: "nor $that", `odd $name`: 1} AS fact /* nor
$these */
"""
    assert sent == "\n" * GOOD.count("\n//") + "\n" + body


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("// param: uuids list[string] - entities\n", "", "'uuids'"),
        ("// returns: fact Fact", "// param: extra string - nothing\n// returns: fact Fact", "'extra'"),
        ("f.uuid IN $uuids", "f.uuid IN $others", "'others', 'uuids'"),
        ("// mode: read\n", "", "mode"),
        ("// mode: read\n", "// mode: maybe\n", "mode"),
        ("// returns: fact Fact -\n//   as it stands\n", "", "returns"),
        ("//   as it stands", "// as it stands", ":8: indent"),
        ("// param: user_id string - partition", "// param: user_id - partition", ":4:"),
        ("// param: user_id string - partition", "// param: uuids string - entities", ":5:"),
        ("// Facts about one entity.\n// Second line of the text.\n", "", "first line"),
    ],
)
def test_a_header_that_says_too_little_or_too_much_is_refused_with_file_and_line(tmp_path, old, new, said):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(QueryFileError) as caught:
        parse(path, "read")
    assert str(caught.value).startswith(f"{path}:") and said in str(caught.value)


def test_calling_with_other_parameters_than_declared_names_both(tmp_path):
    query = parse(write(tmp_path, GOOD), "read")
    query.check(frozenset(("user_id", "uuids", "as_of")))
    with pytest.raises(TypeError, match=r"missing parameters \['as_of', 'uuids'\], unknown parameters \['uuid'\]"):
        query.check(frozenset(("user_id", "uuid")))


def test_every_query_of_the_service_loads_once_and_in_its_folder():
    queries = cypher.load()
    assert queries is cypher.load()
    files = sorted(Path(cypher.__file__).parent.rglob("*.cypher"))
    assert sorted(query.path for query in queries.values()) == files
    for name, query in queries.items():
        prefix = f"{query.folder}/" if query.folder in ("check", "report", "browse") else ""
        assert name == prefix + query.path.stem and query.folder == query.path.parent.name
        assert (query.mode == "schema") == (query.folder == "schema")
        assert query.folder == "browse" or (query.mode == "read") == (query.folder in ("read", "check", "report"))


def test_queries_that_run_together_are_one_statement_and_each_reads_its_own_parameters():
    statement = cypher.together(("last_instant", "set_ends", "recount_scopes"))
    assert statement.count("CALL () {\n") >= 3 and "// mode" not in statement
    assert re.findall(r"\$p\.\w+\.\w+", statement)[:2] == ["$p.last_instant.user_id", "$p.set_ends.ends"]
    assert not re.findall(r"\$(?!p\.)\w+", statement)
    assert statement.endswith("RETURN *")
    assert not cypher.together(("set_ends", "delete_memories")).endswith("RETURN *")


def test_a_stem_that_stands_twice_is_refused(tmp_path):
    for folder in ("read", "write"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, GOOD)
    with pytest.raises(QueryFileError, match="exists already"):
        cypher.load(tmp_path)


def test_no_cypher_is_built_or_written_outside_the_query_files():
    root = Path(cypher.__file__).parent.parent
    for package in ("kg", "extract", "mcp_server"):
        for path in (root / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            assert "LiteralString" not in source, path
            assert package == "mcp_server" or "MATCH (" not in source, path  # a command may show a query to try
