"""The tools of the environment: hashes of what was installed, and what the index says of the locked releases."""

import json
import sys

import pytest

from homog_core.files import PROJECT

sys.path.insert(0, str(PROJECT / "tools"))

import audit
import check_hashes

GOOD, OTHER = "a" * 64, "b" * 64
LOCK = f"""\
one-name==1.0 \\
    --hash=sha256:{GOOD} \\
    --hash=sha256:{"c" * 64}
two==2.1 ; sys_platform == 'linux' \\
    --hash=sha256:{OTHER}
"""


def installed(name, version, sha256):
    """One package of a report of pip."""
    hashes = {"archive_info": {"hashes": {"sha256": sha256}}} if sha256 else {"dir_info": {"editable": True}}
    return {"metadata": {"name": name, "version": version}, "download_info": hashes}


def test_the_hashes_of_a_lock_are_those_of_each_package():
    assert check_hashes.locked(LOCK) == {"one-name==1.0": {GOOD, "c" * 64}, "two==2.1": {OTHER}}


@pytest.mark.parametrize(
    ("package", "wrong", "unknown"),
    [
        (installed("One.Name", "1.0", GOOD), [], []),
        (installed("one_name", "1.0", OTHER), ["one-name==1.0"], []),
        (installed("one_name", "1.0", None), ["one-name==1.0"], []),
        (installed("one_name", "1.1", GOOD), [], ["one-name==1.1"]),
        (installed("homog-core", "0.1.0", None), [], ["homog-core==0.1.0"]),
    ],
)
def test_what_was_installed_is_compared(package, wrong, unknown, tmp_path, capsys):
    report = {"install": [package, installed("two", "2.1", OTHER)]}
    assert check_hashes.compared(report, check_hashes.locked(LOCK)) == (wrong, unknown)
    (tmp_path / "lock").write_text(LOCK)
    (tmp_path / "report").write_text(json.dumps(report))
    assert check_hashes.main(tmp_path / "lock", tmp_path / "report") == bool(wrong)
    assert ("Other files than those of the lock" in capsys.readouterr().out) == bool(wrong)


def test_every_locked_release_has_hashes_but_torch():
    hashed = set(check_hashes.locked((PROJECT / "requirements.hashes").read_text()))
    named = set(check_hashes.locked((PROJECT / "requirements.lock").read_text()))
    assert {name.split("==")[0] for name in named - hashed} == {"torch"}
    assert all(check_hashes.locked((PROJECT / "requirements.hashes").read_text()).values())


@pytest.mark.parametrize(
    ("filename", "yanked", "found"),
    [
        ("a_b-1.0-py3-none-any.whl", False, []),
        ("A.B-1.0.tar.gz", False, []),
        ("a_b-1.0-py3-none-any.whl", "broken", ["a-b 1.0 was withdrawn: broken"]),
        ("a_b-1.0.post1-py3-none-any.whl", False, ["a-b 1.0 is not on the index"]),
        ("a_b_c-1.0.tar.gz", False, ["a-b 1.0 is not on the index"]),
    ],
)
def test_a_release_is_found_among_the_files_of_its_project(filename, yanked, found):
    assert audit.of_files("a-b", "1.0", {"files": [{"filename": filename, "yanked": yanked}]}) == found


def test_vulnerabilities_are_told_with_what_fixes_them():
    known = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"], "summary": "It leaks.\nMuch."}
    release = {"info": {"yanked": False}, "vulnerabilities": [known, known | {"withdrawn": "2026-01-01"}]}
    assert audit.of_release("a", "1.0", release) == ["a 1.0: PYSEC-1, CVE-1, fixed in 1.1: It leaks. Much."]
