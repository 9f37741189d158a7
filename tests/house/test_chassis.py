"""The chassis has nothing to do with the law, and keeps nothing for one user alone."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.layout import PACKAGES, Source, imports, parse, sources, sources_of_tests

DOMAIN_WORDS = {
    *("acceptance", "agreement", "applicant", "bundle", "case", "catalogue", "clerk", "correction", "county", "credential", "decision"),
    *("delegation", "dossier", "handling", "hall", "mandate", "material", "notice", "organ", "receipt", "region", "supervision"),
    *("supplement", "transfer", "withdrawal"),
}

ALLOWED: dict[tuple[str, str], str] = {
    ("operations", "region"): "a field of contracts.Caller: an operator sees what is parked in its own subtree",
    ("traces", "region"): "a field of contracts.Caller, which names the source of an access event",
    ("vault", "material"): "key material is the cryptographer's term",
}
"""Module and word, with the reason why it may stand there."""

USERS = 3
"""A module used by fewer packages belongs to its user."""

FEW_USERS = {
    "chassis.errands": "how acts ride together says nothing of what they do; for desks at which many people act at once",
    "chassis.shelves": "what is at hand is written back by the transaction itself; for services that hear batches about many things at once",
}
"""Modules with fewer, and why they stay."""


def chassis() -> list[Source]:
    return [source for source in sources() if source.package == "chassis" and source.path.name != "__init__.py"]


def words(source: Source) -> Iterator[tuple[str, int]]:
    """Words of identifiers (split at underscores and capitals) and of docstrings, with their lines."""
    for node in ast.walk(source.tree()):
        line = getattr(node, "lineno", 1)
        texts: list[str] = []
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                texts = [name]
            case ast.keyword(arg=str(name)):
                texts = [name]
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                texts = [node.name, ast.get_docstring(node) or ""]
            case ast.Module():
                # The indented example at the top of a module shows a user of the chassis, and users speak of the domain.
                texts = [line for line in (ast.get_docstring(node) or "").splitlines() if not line.startswith("    ")]
            case ast.Expr(value=ast.Constant(value=str(text))) if node is not source.tree().body[0]:
                texts = [text]
        for text in texts:
            for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text):
                yield word.lower(), line


def test_the_chassis_says_no_word_of_the_domain() -> None:
    said = {
        f"{source.name}:{line} says {word}"
        for source in chassis()
        for word, line in words(source)
        if (word in DOMAIN_WORDS or word.removesuffix("s") in DOMAIN_WORDS)
        and (source.path.stem, word) not in ALLOWED
        and (source.path.stem, word.removesuffix("s")) not in ALLOWED
    }

    assert sorted(said) == []


def test_every_module_of_the_chassis_has_three_users() -> None:
    """Users are packages and the tests; using a module that uses it counts."""
    inside = {source.module: {name for name, _ in imports(source.tree())} for source in chassis()}
    direct: dict[str, set[str]] = {module: set() for module in inside}
    for package, names in (
        *((source.package, imports(source.tree())) for source in sources() if source.package != "chassis"),
        *(("tests", imports(parse(path))) for path in sources_of_tests()),
    ):
        for name, _ in names:
            if name in direct:
                direct[name].add(package)

    def users(module: str, *, seen: frozenset[str] = frozenset()) -> set[str]:
        found = set(direct[module])
        for other, taken in inside.items():
            if module in taken and other not in seen:
                found |= users(other, seen=seen | {module})
        return found

    lonely = {module for module in inside if len(users(module)) < USERS}

    assert lonely == FEW_USERS.keys()


@pytest.mark.parametrize(("module", "word"), sorted(ALLOWED))
def test_an_allowance_that_nobody_needs_any_more_is_taken_back(module: str, word: str) -> None:
    path = PACKAGES["chassis"] / f"{module}.py"

    said = {said for said, _ in words(Source("chassis", path))}

    assert word in said or f"{word}s" in said
