"""Who may import whom: rooms, services, packages (import-linter), and which library is used where (a table)."""

import contextlib
import io
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.house.layout import PACKAGES, SERVICES, imports, rooms, sources

ROOM_LAYERS = ["(api) | (jobs)", "(views)", "(handlers)", "(store) | (outside)", "(texts)", "(domain)"]
"""From the door to the heart: each file of a room may import those below it."""

FENCES: dict[str, tuple[list[str], str]] = {
    "aiokafka": (["chassis/chassis/bus_kafka*.py", "deploy/operations/*"], "untyped, and its next version is the business of few"),
    "aiohttp": (["chassis/*", "gateway/*", "*/outside.py"], "calls to others stand where a timeout and a breaker stand"),
    "httpx": (["chassis/*", "gateway/*", "*/outside.py", "deploy/local/*", "deploy/operations/*"], "the same"),
    "sqlalchemy": (
        ["chassis/*", "*/store.py", "*/store/*", "*_svc/schema.py", "*/migrations/*", "deploy/operations/*"],
        "SQL is in the store of a room: nowhere else is a query missed",
    ),
    "asyncpg": (["chassis/*", "deploy/local/*", "deploy/operations/*"], "the driver belongs to the database of the chassis"),
    "alembic": (["chassis/*", "*/migrations/*"], "migrations run before a service listens, by the chassis"),
    "fastapi": (["chassis/*", "gateway/*", "*/api.py", "*_svc/app.py", "deploy/local/*"], "HTTP ends at the door"),
    "starlette": (["chassis/*", "gateway/*"], "the same"),
    "pydantic": (
        ["chassis/*", "gateway/*", "*/api.py", "*/views.py", "*_svc/app.py", "*_svc/context.py", "deploy/local/*"],
        "validation happens at the door, and views are what it answers",
    ),
    "pydantic_settings": (["chassis/*", "gateway/*", "*_svc/app.py", "*_svc/context.py"], "settings are read once, in create_app"),
    "uvicorn": (["chassis/*", "gateway/*", "*/__main__.py", "deploy/local/*"], "a service does not know who serves it"),
    "structlog": (["chassis/*", "gateway/*", "*/jobs.py", "*/handlers.py", "*_svc/app.py"], "a domain and a store have nothing to say"),
    "prometheus_client": (["chassis/*", "gateway/*"], "one registry per service, kept by its context"),
    "openpyxl": (["catalog-svc/catalog_svc/sheet/outside/*"], "files of others are opened in the worker, within bounds"),
    "joserfc": (["chassis/*", "gateway/*", "*/outside.py", "deploy/local/*"], "keys and tokens"),
    "cryptography": (["chassis/*", "gateway/*", "*/outside.py", "deploy/local/*"], "the same"),
}
"""Library, the files that may import it, and why."""

PURE: dict[str, set[str]] = {
    "contracts/contracts/*": {"contracts"},
    "contracts/rules/*": {"contracts", "rules", "jsonschema_rs", "stdnum"},
    "*_svc/*/domain.py": {"contracts", "rules"},
    "*_svc/*/domain/*": {"contracts", "rules"},
}
"""Files free of frameworks, with what they may import beside the standard library; domains also those of rooms below in their service."""


def lint(contracts: list[dict[str, str | list[str]]], *, folder: Path) -> str:
    """Run import-linter on our packages; empty when every contract is kept, else its report."""
    lines = ["[importlinter]", "root_packages =", *(f"    {name}" for name in PACKAGES)]
    for number, contract in enumerate(contracts):
        lines += ["", f"[importlinter:contract:{number}]"]
        for key, value in contract.items():
            lines += [f"{key} = {value}"] if isinstance(value, str) else [f"{key} =", *(f"    {one}" for one in value)]
    config = folder / "importlinter.ini"
    config.write_text("\n".join(lines) + "\n")
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        outcome = lint_imports(config_filename=str(config), no_cache=True, no_logo=True)
    return report.getvalue() if outcome else ""


def test_a_room_is_read_from_the_door_to_the_heart_and_holds_no_other_file(tmp_path: Path) -> None:
    containers = [f"{service}.{room}" for service in SERVICES for room in rooms(service)]

    report = lint(
        [{"name": "layers of a room", "type": "layers", "containers": containers, "layers": ROOM_LAYERS, "exhaustive": "true"}],
        folder=tmp_path,
    )

    assert not report, report


def test_no_room_imports_the_store_of_another(tmp_path: Path) -> None:
    contracts: list[dict[str, str | list[str]]] = [
        {
            "name": f"the store of {service}.{room} is its own",
            "type": "protected",
            "protected_modules": [f"{service}.{room}.store"],
            "allowed_importers": [f"{service}.{room}"],
        }
        for service in SERVICES
        for room in rooms(service)
        if (PACKAGES[service] / room / "store.py").exists() or (PACKAGES[service] / room / "store").is_dir()
    ]

    report = lint(contracts, folder=tmp_path)

    assert not report, report


def test_rooms_call_each_other_in_one_order(tmp_path: Path) -> None:
    report = lint(
        [
            {
                "name": "an order of rooms exists",
                "type": "acyclic_siblings",
                "ancestors": list(SERVICES),
                "depth": "0",
                # What a service holds in memory is known to every room, and may itself hold what a room's outside.py opens.
                "ignore_imports": [f"{service}.** -> {service}.context" for service in SERVICES],
                "unmatched_ignore_imports_alerting": "none",
            }
        ],
        folder=tmp_path,
    )

    assert not report, report


def test_services_meet_only_in_contracts_rules_and_chassis(tmp_path: Path) -> None:
    report = lint(
        [
            {"name": "services are strangers", "type": "independence", "modules": [*SERVICES, "gateway"]},
            {
                "name": "what is shared knows nobody",
                "type": "layers",
                "layers": [
                    f"tongban_local | {' | '.join(SERVICES)} | gateway".removeprefix("tongban_local | "),
                    "chassis",
                    "rules",
                    "contracts",
                ],
            },
            {
                "name": "nobody needs the local runs",
                "type": "protected",
                "protected_modules": ["tongban_local"],
                "allowed_importers": ["tongban_local"],
            },
        ],
        folder=tmp_path,
    )

    assert not report, report


def test_the_chassis_takes_of_the_rules_only_access() -> None:
    taken = {
        name for source in sources() if source.package == "chassis" for name, _ in imports(source.tree()) if name.split(".")[0] == "rules"
    }

    assert {name for name in taken if name != "rules" and not name.startswith("rules.access")} == set()


@pytest.mark.parametrize("library", sorted(FENCES))
def test_a_fenced_library_is_imported_only_behind_its_fence(library: str) -> None:
    allowed, reason = FENCES[library]

    strays = [
        f"{source.name}:{line}"
        for source in sources()
        for name, line in imports(source.tree())
        if name == library and not any(fnmatch(source.name, pattern) for pattern in allowed)
    ]

    assert strays == [], f"{library} stays behind its fence ({reason})"


def test_contracts_rules_and_domains_are_free_of_frameworks() -> None:
    strays = [
        f"{source.name}:{line} imports {name}"
        for source in sources()
        for pattern, allowed in PURE.items()
        if fnmatch(source.name, pattern)
        for name, line in imports(source.tree())
        if (top := name.split(".")[0]) not in sys.stdlib_module_names and top not in allowed and not is_domain_of(source.package, name)
    ]

    assert strays == []


def is_domain_of(package: str, name: str) -> bool:
    """True for ``<service>.<room>.domain`` and what is in it, when the service is this one."""
    return package in SERVICES and bool(re.match(rf"{package}\.\w+\.domain(\.|$)", name))
