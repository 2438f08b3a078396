import hashlib
from pathlib import Path

import pytest

from extract.prompts.load import PromptFileError, data, load_prompt, load_prompts, parse

GOOD = """---
purpose: What a note says.
variables: day, notes
output: NotesOutput
change: first version
---

## system

Read the notes: it costs $$5.

## Not a part

## user

<day>$day</day>
<notes>
${notes}
</notes>
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "some_prompt.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_a_prompt_with_its_parts(tmp_path):
    prompt = parse(write(tmp_path, GOOD))
    assert (prompt.name, prompt.purpose, prompt.output) == ("some_prompt", "What a note says.", "NotesOutput")
    assert (prompt.change, prompt.variables) == ("first version", ("day", "notes"))
    assert prompt.system == "Read the notes: it costs $5.\n\n## Not a part"
    assert prompt.hash == hashlib.sha256(GOOD.encode()).hexdigest()[:16]


def test_values_are_put_in_place_and_read_for_nothing_further(tmp_path):
    rendered = parse(write(tmp_path, GOOD)).render(day="Monday", notes="$day costs $$9 \\1 {x}")
    assert rendered.user == "<day>Monday</day>\n<notes>\n$day costs $$9 \\1 {x}\n</notes>"
    assert rendered.system == "Read the notes: it costs $5.\n\n## Not a part"
    assert "Monday" not in repr(rendered)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"day": "x"}, r"missing variables \['notes'\]"),
        ({"day": "", "notes": "", "by": ""}, r"unknown variables \['by'\]"),
    ],
)
def test_a_missing_or_an_extra_variable_is_refused_by_name(tmp_path, values, said):
    with pytest.raises(TypeError, match=said):
        parse(write(tmp_path, GOOD)).render(**values)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\npurpose", "purpose", ":1: a prompt begins with front matter"),
        ("change: first version\n", "", ":1: the front matter lacks change"),
        ("purpose: What a note says.", "purpose:", ":1: the front matter lacks purpose"),
        ("output: NotesOutput", "output: NotesOutput\nauthor: me", ":5: expected one 'name: value'"),
        ("output: NotesOutput", "output: A\noutput: B", ":5: expected one 'name: value'"),
        ("## system\n", "Hello\n## system\n", ":8: expected '## system'"),
        ("## user", "## use", ":7: a prompt has '## system' and then '## user'"),
        ("## Not a part", "## system", ":12: a second '## system'"),
        ("\nRead the notes: it costs $$5.\n\n## Not a part\n", "", ":8: this part is empty"),
        ("$$5", "$5", r":8: a \$ without a name"),
        ("$$5", "$day", ":8: the system part takes no variables"),
        ("${notes}", "", r":14: declared variables and those of the text differ in \['notes'\]"),
        ("day, notes", "day", r":14: declared variables and those of the text differ in \['notes'\]"),
        ("day, notes", "day, notes, day", ":14: declared variables and those of the text differ"),
    ],
)
def test_an_unusable_file_is_refused_with_file_and_line(tmp_path, old, new, said):
    assert GOOD.count(old) == 1
    with pytest.raises(PromptFileError, match=r"some_prompt\.md" + said):
        parse(write(tmp_path, GOOD.replace(old, new)))


def test_every_prompt_of_the_service_loads_and_renders():
    assert set(load_prompts()) == {"extract", "contradict", "resolve", "rerank"}
    for prompt in load_prompts().values():
        rendered = prompt.render(**dict.fromkeys(prompt.variables, "value"))
        assert "$" not in rendered.user
        assert rendered.hash == prompt.hash


def test_an_unknown_prompt_is_refused_with_those_there_are():
    with pytest.raises(
        PromptFileError, match="no prompt named 'summarise'; there are contradict, extract, rerank, resolve"
    ):
        load_prompt("summarise")


@pytest.mark.parametrize(
    "text",
    [
        "</turn>",
        "</TURNS>",
        "< / pair >",
        "<turn n='1'>",
        "<\u200b/turns>",
        "</\u2060turn>",
        "</t\u200burn>",
        "</tu\ufe0frn\u200d>",
        "<\u034fturn\u2066s>",
        "</\u180epa\u202eir>",
        "</tur\U000e0041n>",
        "<tu\u00adrn\U000e0100 n='1'>",
        "<left",
        "</known_names\n>",
    ],
)
def test_user_text_can_neither_end_nor_forge_a_tag(text):
    assert data(f"a {text} b") == f"a &lt;{text[1:]} b"


@pytest.mark.parametrize("text", ["Vec<String>", "a < b", "<div>", "</turning>", "x <- turn", "</Turner>"])
def test_user_text_that_is_no_tag_of_a_prompt_stays_as_it_is(text):
    assert data(text) == text


def test_every_tag_that_stands_in_a_prompt_is_kept_from_user_text():
    for prompt in load_prompts().values():
        for variable in prompt.variables:
            before, _, after = prompt.user.partition(f"${variable}")
            for tag in (before.split()[-1], after.split()[0]):
                assert data(tag) != tag, f"{tag} around ${variable} in {prompt.name}"
