"""What the package index says of the locked releases: those that are gone, withdrawn, or have a known vulnerability.

`python tools/audit.py requirements.lock` asks the index of `PIP_INDEX_URL`, or pypi.org. Vulnerabilities are only known
to an index that has PyPI's JSON interface; the others are asked whether a release has been withdrawn ("yanked"). Exits
with 1 where something was found, and with 0 where the index does not answer.
"""

import json
import os
import re
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_SIMPLE = "application/vnd.pypi.simple.v1+json"
_AT_ONCE = 4
_SECONDS = 20


def main(lock: Path) -> int:
    """Ask for every release of the lock, print what was found and say how it ended."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    releases = re.findall(r"(?m)^([\w.-]+)==(\S+)", lock.read_text(encoding="utf-8"))
    try:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = list(threads.map(lambda release: _findings(index, *release), releases))
    except (URLError, TimeoutError, ValueError) as error:
        print(f"{index} does not answer ({error}); nothing was audited.")
        return 0
    findings = [finding for known, _ in found for finding in known]
    n_full = sum(is_full for _, is_full in found)
    print(f"{len(releases)} releases; the index knows about vulnerabilities of {n_full}. Found: {len(findings)}.")
    for finding in findings:
        print(f"- {finding}")
    return 1 if findings else 0


def _findings(index: str, name: str, version: str) -> tuple[list[str], bool]:
    """What is wrong with a release, and whether the index was asked about vulnerabilities too."""
    release = _fetched(f"{index.removesuffix('/simple')}/pypi/{name}/{version}/json", "application/json")
    if release is not None:
        return of_release(name, version, release), True
    files = _fetched(f"{index}/{re.sub(r'[-_.]+', '-', name).lower()}/", _SIMPLE)
    return of_files(name, version, files), False


def of_release(name: str, version: str, release: dict) -> list[str]:
    """What PyPI's JSON of a release says: withdrawn, and vulnerabilities that have not been taken back."""
    info = release["info"]
    found = [f"{name} {version} was withdrawn: {_line(info.get('yanked_reason'))}"] if info.get("yanked") else []
    for one in release.get("vulnerabilities", []):
        if not one.get("withdrawn"):
            names = ", ".join([one["id"], *one.get("aliases", [])])
            fixed = ", ".join(one.get("fixed_in") or []) or "no release yet"
            what = _line(one.get("summary") or one.get("details"))
            found.append(f"{name} {version}: {names}, fixed in {fixed}: {what}")
    return found


def of_files(name: str, version: str, project: dict | None) -> list[str]:
    """What the list of a project's files says of a release: gone, or withdrawn."""
    spelled = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", name)))
    ours = re.compile(rf"{spelled}-{re.escape(version)}(?:-|\.(?:tar|zip))", re.IGNORECASE)
    files = [file for file in (project or {}).get("files", []) if ours.match(file["filename"])]
    if not files:
        return [f"{name} {version} is not on the index"]
    if all(file.get("yanked") for file in files):
        return [f"{name} {version} was withdrawn: {_line(files[0]['yanked'])}"]
    return []


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts; reading that anew for every question takes longer than asking."""
    return ssl.create_default_context()


def _fetched(address: str, kind: str) -> dict | None:
    """A JSON document of the index; None where it has none."""
    try:
        with urlopen(Request(address, headers={"Accept": kind}), timeout=_SECONDS, context=_trusted()) as answer:
            return json.load(answer)
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def _line(words: object) -> str:
    return " ".join(str(words or "no reason given").split())[:160]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
