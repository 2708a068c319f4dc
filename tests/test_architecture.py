"""The shape of the house: which package may import which, how long things are, what is documented."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from homog_core.files import PROJECT

# A package imports only from itself and from those on the lines above it.
FLOORS = [
    {"errors", "progress", "records", "files", "device", "cores", "leftovers", "typed"},
    {"catalogue"},
    {"sampling", "measures"},
    {"statistics", "runs"},
    {"analysis"},
    {"wording"},
    {"figures"},
    {"reports", "training", "live", "upkeep"},
    {"cli"},
    {"__main__"},
]
BESIDE = {("runs", "statistics")}  # on one floor, and one way
FIGURES_USE = {"records", "wording.numbers"}
HEAVY = {"torch", "transformers", "sentence_transformers", "umap", "datasets", "peft", "trl", "ray"}
MOST_LINES = {"homog_core": 400, "dashboard": 400, "pages": 150}
MOST_LINES_OF_A_FUNCTION = 60

LIBRARY = sorted((PROJECT / "homog_core").rglob("*.py"))
DASHBOARD = [PROJECT / "app.py", PROJECT / "serve.py", *sorted((PROJECT / "dashboard").rglob("*.py"))]
PAGES = sorted((PROJECT / "pages").glob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in [*LIBRARY, *DASHBOARD, *PAGES]}
MODULES = [name_of(path) for path in LIBRARY]
each_module = pytest.mark.parametrize("module", MODULES)
each_file = pytest.mark.parametrize("path", [*LIBRARY, *DASHBOARD, *PAGES], ids=name_of)


def imported(nodes):
    """The dotted names that these nodes import; `from a import b` counts as `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str:
    """The module that a dotted name is, or is in."""
    while name not in TREES and "." in name:
        name = name.rpartition(".")[0]
    return name


def used_by(module: str) -> set[str]:
    """The modules of this project that a module imports, wherever in it."""
    found = {module_of(name) for name in imported(ast.walk(TREES[module]))}
    return {name for name in found if name in TREES} - {module}


def package_of(module: str) -> str:
    """The first name below `homog_core`."""
    return module.split(".")[1] if "." in module else ""


def floor_of(package: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if package in floor)


def run_on_import(node):
    """The nodes that importing the module runs: not the bodies of functions, not what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from run_on_import(child)


def public(tree):
    """Public functions and classes of a module, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_every_package_has_its_floor():
    assert {package_of(module) for module in MODULES if module != "homog_core"} == set().union(*FLOORS)


@each_module
def test_imports_go_one_way(module):
    if module == "homog_core":
        return
    own = package_of(module)
    others = {package_of(name) for name in used_by(module)} - {own, ""}
    below = {name for name in others if floor_of(name) < floor_of(own)}
    if own in FLOORS[0]:
        below = others & FLOORS[0]
    assert others - below - {other for other in others if (own, other) in BESIDE} == set()


def test_no_module_imports_itself_by_way_of_others():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in done:
            for name in sorted(used_by(module)):
                visit(name, (*path, module))
            done.add(module)

    for module in TREES:
        visit(module, ())


@pytest.mark.parametrize("module", [name for name in MODULES if package_of(name) == "figures"])
def test_figures_know_records_and_numbers_alone(module):
    used = {name.removeprefix("homog_core.") for name in used_by(module) if package_of(name) != "figures"}
    assert used <= FIGURES_USE


@each_module
def test_the_library_does_not_know_the_dashboard(module):
    packages = {name.split(".")[0] for name in imported(ast.walk(TREES[module]))}
    assert packages & {"streamlit", "dashboard", "pages"} == set()


@each_module
def test_heavy_packages_are_imported_inside_functions(module):
    packages = {name.split(".")[0] for name in imported(run_on_import(TREES[module]))}
    assert packages & HEAVY == set()


def test_stored_results_are_shown_without_heavy_packages():
    program = (
        "import sys, homog_core, homog_core.reports.results_md, homog_core.reports.html, homog_core.figures.aggregate; "
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr


@each_module
def test_everything_public_is_documented(module):
    tree = TREES[module]
    assert ast.get_docstring(tree)
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


@each_file
def test_files_and_functions_are_short(path):
    most = MOST_LINES.get(path.relative_to(PROJECT).parts[0], 150)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= most
    long = [
        node.name
        for node in ast.walk(TREES[name_of(path)])
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []
