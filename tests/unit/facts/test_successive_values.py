import pytest

from kg.facts.successive_values import slot_of


@pytest.mark.parametrize(
    ("value", "slot"),
    [
        ("Node 22.11", "node"),
        ("Postgres 16", "postgres"),
        ("Postgres >= 16.2", "postgres"),
        ("postgres:16-alpine", "postgres"),
        ("terraform@1.9", "terraform"),
        ("Java17", "java"),
        ("java-17", "java"),
        ("C++17", "c++"),
        ("Windows Server 2022", "windows server"),
        ("Spring Boot v3.2 (LTS)", "spring boot"),
        ("Python version 3.12", "python"),
        ("Постгрес 16", "постгрес"),
        *((bare, "") for bare in ("22.11", "v22", ">= 4.2", "18 LTS", "version 5", "beta 2", "rc1", "latest", "18.x")),
        *((unversioned, "") for unversioned in ("python", "==", "", None)),
        ("shop-api 4", ""),
    ],
)
def test_the_named_thing_of_a_version_is_its_slot(value, slot):
    assert slot_of("USES_VERSION", value, "shop api") == slot


def test_other_predicates_have_one_slot():
    assert slot_of("LIVES_IN", "Paris 13", "user") == slot_of("HAS_STATUS", "phase 2", "launch") == ""
