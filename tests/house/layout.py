"""The floor plan that the house tests hold the project to: packages, services, rooms, and how to look at them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "contracts": ROOT / "contracts" / "contracts",
    "rules": ROOT / "contracts" / "rules",
    "chassis": ROOT / "chassis" / "chassis",
    "gateway": ROOT / "gateway" / "gateway",
    "catalog_svc": ROOT / "catalog-svc" / "catalog_svc",
    "intake_svc": ROOT / "intake-svc" / "intake_svc",
    "routing_svc": ROOT / "routing-svc" / "routing_svc",
    "credential_svc": ROOT / "credential-svc" / "credential_svc",
    "tongban_local": ROOT / "deploy" / "local" / "tongban_local",
    "tongban_operations": ROOT / "deploy" / "operations" / "tongban_operations",
}
"""Import name and folder of every package of ours."""

SERVICES = tuple(name for name in PACKAGES if name.endswith("_svc"))

NO_ROOMS = {"migrations", "seed", "__pycache__"}
"""Folders of a service that are no rooms."""


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file of a package."""

    package: str
    path: Path

    @property
    def name(self) -> str:
        """Its path from the root, as in messages and tables: ``chassis/chassis/outbox.py``."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """Its import name."""
        parts = self.path.relative_to(PACKAGES[self.package].parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def tree(self) -> ast.Module:
        """Its syntax."""
        return parse(self.path)


@cache
def parse(path: Path) -> ast.Module:
    """The syntax of a file, read once per run."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of every package of ours."""
    return tuple(Source(package, path) for package, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py")))


@cache
def sources_of_tests() -> tuple[Path, ...]:
    """Every Python file of the tests."""
    return tuple(sorted((ROOT / "tests").rglob("*.py")))


def rooms(service: str) -> list[str]:
    """Names of a service's rooms: every folder of it that is a package, less those that are none by their purpose."""
    folders = sorted(path.parent.name for path in PACKAGES[service].glob("*/__init__.py"))
    return [name for name in folders if name not in NO_ROOMS]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Absolute module names a file imports, with their lines; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


@cache
def tracked() -> tuple[Path, ...]:
    """Files that are committed or would be: nothing that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the git of the path
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(path for name in sorted(filter(None, listed.split("\0"))) if (path := ROOT / name).is_file())
