"""Compare what pip has installed with the hashes of the lock.

`python tools/check_hashes.py requirements.hashes REPORT`, where REPORT is what `pip install --report REPORT` wrote. pip
itself can only ask for the hashes of all packages or of none; torch comes as another file on a machine without CUDA,
and the project itself is a folder. Every archive that was installed must be one of those of the lock; a package that
the lock has no hashes of is named. Exits with 1 where an archive is another one.
"""

import json
import re
import sys
from pathlib import Path

_PACKAGE = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(text: str) -> dict[str, frozenset[str]]:
    """The SHA-256 hashes of each package, `name==version`, of a requirements file with hashes."""
    found = list(_PACKAGE.finditer(text))
    ends = [following.start() for following in found[1:]] + [len(text)]
    return {
        f"{_plain(match[1])}=={match[2]}": frozenset(_HASH.findall(text, match.end(), end))
        for match, end in zip(found, ends, strict=True)
    }


def compared(report: dict, known: dict[str, frozenset[str]]) -> tuple[list[str], list[str]]:
    """The packages of a report of pip whose archive is another one, and those that the lock has no hashes of."""
    wrong, unknown = [], []
    for item in report["install"]:
        name = f"{_plain(item['metadata']['name'])}=={item['metadata']['version']}"
        said = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if name not in known:
            unknown.append(name)
        elif said not in known[name]:
            wrong.append(name)
    return wrong, unknown


def main(hashes: Path, report: Path) -> int:
    """Compare, print and say how it ended."""
    installed = json.loads(report.read_text(encoding="utf-8"))
    wrong, unknown = compared(installed, locked(hashes.read_text(encoding="utf-8")))
    n_same = len(installed["install"]) - len(wrong) - len(unknown)
    print(f"{n_same} packages have a hash of {hashes.name}; without hashes there: {', '.join(unknown) or 'none'}.")
    if wrong:
        print(f"Other files than those of the lock: {', '.join(wrong)}. Find out why before you use this environment.")
    return 1 if wrong else 0


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
