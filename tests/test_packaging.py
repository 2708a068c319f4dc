"""What is installed: the requirement files, the lock and pyproject.toml agree, and the built library works alone."""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes import DECODING, FakeSampler, make_question
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from homog_core import files
from homog_core.measures.report_cards import read_report_cards
from homog_core.runs.sample import sample_run

PROJECT = tomllib.loads((files.PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
BY_TESTS = ("train", "dev")  # the extras that `make test` installs


class Pin(NamedTuple):
    """One line of the lock."""

    requirement: Requirement
    asked_by: set[str]  # requirement files and packages


def requirements(lines) -> list[Requirement]:
    stated = (line.partition("#")[0].strip() for line in lines)
    return [Requirement(line) for line in stated if line and line != "-e ."]


def requirement_file(name: str) -> list[Requirement]:
    return requirements((files.PROJECT / name).read_text("utf-8").splitlines())


def name_of(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


STATED = {
    "-r requirements.txt": requirement_file("requirements.txt"),
    f"{PROJECT['name']} (pyproject.toml)": requirements(
        [*PROJECT["dependencies"], *(line for extra in BY_TESTS for line in EXTRAS[extra])]
    ),
}
LOCK = [
    Pin(Requirement(line.partition("#")[0].strip()), set(line.partition("# via ")[2].split(", ")))
    for line in (files.PROJECT / "requirements.lock").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
HERE = {
    name_of(pin.requirement): pin for pin in LOCK if not pin.requirement.marker or pin.requirement.marker.evaluate()
}


def locked_version(pin: Pin) -> str:
    (specifier,) = pin.requirement.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("source", STATED)
def test_the_lock_has_what_is_asked_for_at_a_version_that_is_allowed(source):
    pins = [pin for pin in LOCK if source in pin.asked_by]
    assert {name_of(pin.requirement) for pin in pins} == {name_of(stated) for stated in STATED[source]}, "`make lock`"
    for stated in STATED[source]:
        for pin in pins:
            if name_of(pin.requirement) == name_of(stated):
                assert locked_version(pin) in stated.specifier, f"{stated}: run `make lock`"


def test_what_stands_outside_the_lock_is_exact():
    for stated in requirement_file("requirements-nodeps.txt"):
        assert [specifier.operator for specifier in stated.specifier] == ["=="]


def test_torch_is_exact_and_comes_alone():
    (torch,) = (stated for stated in STATED["-r requirements.txt"] if stated.name == "torch")
    assert [specifier.operator for specifier in torch.specifier] == ["=="]
    assert "torchvision" not in {name_of(pin.requirement) for pin in LOCK}


def test_this_environment_is_the_locked_one():
    different = {
        name: (locked_version(pin), found.version)
        for name, pin in HERE.items()
        if (found := installed(name)) and Version(found.version).public != locked_version(pin)
    }
    assert different == {}


def test_the_lock_has_whatever_the_requirements_need():
    waiting, seen = [stated for lines in STATED.values() for stated in lines], set()
    while waiting:
        needed = waiting.pop()
        name = name_of(needed)
        if (name, frozenset(needed.extras)) in seen or not (found := installed(name)):
            continue
        seen.add((name, frozenset(needed.extras)))
        assert name in HERE, f"{needed} is not in requirements.lock: run `make lock`"
        waiting += [
            stated
            for stated in map(Requirement, found.requires or ())
            if is_needed(stated, needed.extras) and (name != "torch" or not stated.marker)  # its builds differ by these
        ]
    assert len(seen) > 80


def installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:  # needed on other machines
        return None


def is_needed(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return not marker or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def test_every_package_that_the_library_imports_is_a_dependency():
    stated = {name_of(r) for r in requirements([*PROJECT["dependencies"], *EXTRAS["train"], *EXTRAS["cluster"]])}
    owners = metadata.packages_distributions()
    imported = set()
    for path in (files.PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    others = imported - sys.stdlib_module_names - {"homog_core"}
    assert {"torch", "pandas", "trl"} <= others
    assert {name for name in others if not {canonicalize_name(owner) for owner in owners[name]} & stated} == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The built library."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    shutil.copytree(files.PACKAGE, source / "homog_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(files.PROJECT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_built_library_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (commands,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    here = [path for path in files.PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {n for n in names if ".dist-info/" not in n} == {str(path.relative_to(files.PROJECT)) for path in here}
    assert commands.split() == ["[console_scripts]", "homog", "=", "homog_core.cli:main"]


INSTALLED = """
import json
import sys
from pathlib import Path

import homog_core
from homog_core.measures.report_cards import default_clusterers
from homog_core.runs.importers import import_samples

assert homog_core.list_runs() == []
assert len(homog_core.load_questions("starter")) > 100
import_samples(Path(sys.argv[1]), "theirs")
(run,) = homog_core.list_runs()
first = default_clusterers()[0]
print(json.dumps([homog_core.__file__, str(run.folder), first.key, first.threshold]))
"""


def test_an_installed_library_keeps_runs_in_the_users_folder_and_has_its_report_cards(wheel, tmp_path):
    library, home, file = tmp_path / "site-packages", tmp_path / "home", tmp_path / "answers.jsonl"
    file.write_text(json.dumps({"question": "Which way is up?", "answers": ["That way.", "This way."]}) + "\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(library)
    before = sorted(library.rglob("*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOMOG_")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", INSTALLED, file],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(library), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    module, folder, clusterer, threshold = json.loads(done.stdout)
    assert Path(module).is_relative_to(library)
    assert Path(folder).parent == home / ".homog" / "runs"
    assert threshold == read_report_cards(files.PACKAGE / "measures" / "report_cards.json")[clusterer].threshold
    assert sorted(library.rglob("*")) == before


def test_a_checkout_is_known_by_its_project_file(monkeypatch, tmp_path):
    assert files.is_checkout()
    monkeypatch.delenv("HOMOG_CACHE")
    monkeypatch.delenv("HOMOG_DATA", raising=False)
    assert files.cache() == files.SHIPPED
    monkeypatch.setattr(files, "PROJECT", tmp_path)
    assert not files.is_checkout()
    assert files.cache() == Path.home() / ".homog"
    assert files.dataset_folders() == [files.PACKAGE / "questions"]


def test_a_run_names_the_commit_of_a_checkout_and_not_of_a_repository_around_an_installed_library(
    monkeypatch, tmp_path
):
    def commit_of(question: str) -> str | None:
        return sample_run(FakeSampler(), [make_question(question)], DECODING, "plain").provenance.git_commit

    commit_as = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-qm", "one"]
    for command in (["git", "init", "-q"], commit_as):
        subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.setattr(files, "PROJECT", tmp_path)
    assert commit_of("one") is None
    (tmp_path / "pyproject.toml").touch()
    assert re.fullmatch("[0-9a-f]{40}", commit_of("two"))


def test_the_commands_document_is_what_the_commands_say():
    namespace = runpy.run_path(str(files.PROJECT / "docs" / "make_commands.py"))
    assert namespace["PATH"].read_text("utf-8") == namespace["document"](), "run `make docs`"


def test_the_readme_names_commands_that_exist():
    readme = (files.PROJECT / "README.md").read_text("utf-8")
    named = set(re.findall(r"^homog ([a-z]+)", readme, re.M))
    documented = set(
        re.findall(r"^## homog ([a-z]+)", (files.PROJECT / "docs" / "commands.md").read_text("utf-8"), re.M)
    )
    assert named and named <= documented
