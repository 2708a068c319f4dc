"""Which version of the program values come from, so that what another version computed is not taken for this one's."""

import hashlib
from functools import cache
from importlib.metadata import version

from homog_core import files

_PACKAGES = ("catalogue", "measures", "statistics", "runs", "analysis")  # of the library, that values come from
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn")


@cache
def program_sha256() -> str:
    """A hash of the library's own code and weights that values come from, and of the libraries that compute."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _LIBRARIES).encode())
    found = [*files.PACKAGE.glob("*.py"), *(p for name in _PACKAGES for p in (files.PACKAGE / name).rglob("*"))]
    for path in sorted(path for path in found if path.suffix in (".py", ".json")):
        digest.update(path.relative_to(files.PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
