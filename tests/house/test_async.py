"""Nothing that runs in a request leaves the event loop: a synchronous dependency costs a thread hop of 0.3 ms each."""

import ast

import pytest

from tests.house.layout import Source, sources

VERBS = {"get", "post", "put", "patch", "delete", "head", "options"}


def functions() -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Every function and class of ours by name."""
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]] = {}
    for source in sources():
        for node in ast.walk(source.tree()):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def last_name(node: ast.expr) -> str | None:
    """``c`` of ``a.b.c`` and of ``c``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def runs_in_a_thread(dependency: ast.expr, *, known: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]) -> bool:
    """True when FastAPI would run this dependency in a thread: a plain function, a class, or what a factory makes of one."""
    made = isinstance(dependency, ast.Call)
    name = last_name(dependency.func if isinstance(dependency, ast.Call) else dependency)
    for definition in known.get(name or "", []):
        if isinstance(definition, ast.ClassDef):
            calls = [
                node for node in definition.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "__call__"
            ]
            if not (made and calls and isinstance(calls[0], ast.AsyncFunctionDef)):
                return True
        elif made:
            if any(isinstance(node, ast.FunctionDef) and node is not definition for node in ast.walk(definition)):
                return True
        elif isinstance(definition, ast.FunctionDef):
            return True
    return False


def test_every_dependency_is_asynchronous() -> None:
    known = functions()

    strays = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree())
        if isinstance(node, ast.Call)
        and last_name(node.func) in {"Depends", "Security"}
        and node.args
        and runs_in_a_thread(node.args[0], known=known)
    ]

    assert strays == []


def test_every_route_is_asynchronous() -> None:
    strays = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree())
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and last_name(decorator.func) in VERBS
    ]

    assert strays == []


@pytest.mark.parametrize("banned", ["BaseHTTPMiddleware", "run_in_threadpool"])
def test_what_copies_every_request_through_tasks_or_threads_is_not_used(banned: str) -> None:
    strays = [source.name for source in sources() if banned in names(source)]

    assert strays == []


def test_no_middleware_is_registered_by_decorator() -> None:
    strays = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and last_name(decorator.func) == "middleware"
    ]

    assert strays == []


def names(source: Source) -> set[str]:
    """Every name a file mentions."""
    return {
        name
        for node in ast.walk(source.tree())
        for name in (
            [node.id]
            if isinstance(node, ast.Name)
            else [node.attr]
            if isinstance(node, ast.Attribute)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom | ast.Import)
            else []
        )
    }
