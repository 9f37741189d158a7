"""What a tracked file may not hold, how long it may be, and that the documents name files that exist."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.house.layout import PACKAGES, ROOT, imports, sources, tracked

LONGEST = 400
"""Lines of a file; a room that outgrows this is two aggregates."""

VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "manager", "managers", "service", "services", "misc"}

WITH_OTHERS = {"starlette"}
"""Libraries that come with one that is named, in the version that one chooses."""

BINARY = {".png", ".pdf", ".woff2", ".ico", ".parquet"}

REGISTRIES = re.compile(
    r"(pypi|npmjs|pythonhosted|crates|golang|yarnpkg)\s*\.\s*(org|com|io|dev)\b|repo1?\.maven|maven\.org|deb\.debian|registry\s*=\s*.?https?:"
)
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(root|work|home/[a-z]\w*|Users/\w+|tmp/tmp\w+)/")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def texts() -> list[tuple[str, str]]:
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in tracked()
        if path.suffix not in BINARY and path != Path(__file__)
    ]


def lines_with(pattern: re.Pattern[str], *, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if name.endswith(suffixes)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_nothing_is_left_unfinished() -> None:
    assert lines_with(UNFINISHED, suffixes=(".py", ".toml", ".yaml", ".yml", "Makefile")) == []


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "package-lock.json"])
def test_locks_that_record_addresses_are_not_tracked(name: str) -> None:
    assert [path for path in tracked() if path.name == name and "resolved" in path.read_text()] == []


def test_no_file_of_code_is_longer_than_four_hundred_lines() -> None:
    long = {
        source.name: count
        for source in sources()
        if "migrations" not in source.path.parts and (count := source.path.read_text().count("\n")) > LONGEST
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        source.name
        for source in sources()
        if source.path.stem in VAGUE and source.name != "chassis/chassis/service.py"  # the service factory, named by the design
    ]

    assert vague == []


def test_every_module_and_every_public_class_and_function_says_what_it_means() -> None:
    silent = [
        f"{source.name}:{getattr(node, 'lineno', 1)}"
        for source in sources()
        if "migrations" not in source.path.parts
        for node in [source.tree(), *source.tree().body]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not getattr(node, "name", "").startswith("_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_the_walk_names_only_files_that_exist() -> None:
    walk = ROOT / "docs" / "walk.md"

    named = re.findall(r"`([\w-]+(?:/[\w.-]+)+/?)`", walk.read_text(encoding="utf-8"))

    assert named, "the walk names files in backticks"
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "document", sorted(path.relative_to(ROOT).as_posix() for path in tracked() if path.suffix == ".md" and "seed" not in path.parts)
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")

    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]

    dead = [target for target in targets if target and "://" not in target and not (ROOT / document).parent.joinpath(target).exists()]
    assert dead == []


def test_every_package_is_installed_by_its_own_project_file_and_typed() -> None:
    for name, folder in PACKAGES.items():
        project = tomllib.loads((folder.parent / "pyproject.toml").read_text())

        assert name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        assert (folder / "py.typed").exists()


def test_every_named_dependency_of_a_package_is_locked() -> None:
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))

    for folder in {folder.parent for folder in PACKAGES.values()}:
        named = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]
        plain = {re.split(r"[\[<>=~ ]", name)[0] for name in named if not name.startswith("tongban-")}
        assert plain <= locked, folder.name


def test_names_of_code_in_the_glossary_exist() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", text))

    known = {
        name
        for source in sources()
        for node in source.tree().body
        for name in (
            [node.name]
            if isinstance(node, ast.ClassDef)
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    }

    assert named - known == set()


def test_a_term_stands_once_in_the_glossary() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [term for term in re.findall(r"^\| ([^|]+) \|", text, flags=re.MULTILINE) if term not in {"中文", "---"}]

    assert [term for term in terms if terms.count(term) > 1] == []


def test_laws_that_code_cites_are_in_the_page_of_laws() -> None:
    page = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
    cited = {
        (source.name, law)
        for source in sources()
        for line in source.path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bLaw:", line)
        for law in re.findall(r"[\u4e00-\u9fff]{2,}法(?![\u4e00-\u9fff])|国办[发函]〔\d{4}〕\d+号|国务院令第\d+号", line)
    }

    assert {(name, law) for name, law in cited if law not in page} == set()


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_library_a_package_imports_is_named_by_its_project_file(package: str) -> None:
    named = brought_by(package)

    imported = {name.split(".")[0] for source in sources() if source.package == package for name, _ in imports(source.tree())}
    strangers = {top: providers(top) for top in imported - sys.stdlib_module_names - WITH_OTHERS}

    assert {top: names for top, names in strangers.items() if not names & named} == {}


def brought_by(package: str) -> set[str]:
    """Distributions that a package names, itself, and those that ours among them bring: the chassis brings the frame."""
    own = {str(project_of(name)["name"]): name for name in PACKAGES}
    found = {str(project_of(package)["name"])}
    for name in project_of(package)["dependencies"]:
        plain = re.split(r"[\[<>=~ ]", name)[0]
        found |= brought_by(own[plain]) if plain in own else {plain}
    return found


def project_of(package: str) -> dict[str, Any]:
    """The ``[project]`` table of a package; its values are text, and a list of texts for ``dependencies``."""
    project: dict[str, Any] = tomllib.loads((PACKAGES[package].parent / "pyproject.toml").read_text())["project"]
    return project


def providers(top: str) -> set[str]:
    """Names of the distributions that bring an import name, ours included."""
    if top in PACKAGES:
        return {str(project_of(top)["name"])}
    return {name.lower().replace("_", "-") for name in packages_distributions().get(top, ())}
