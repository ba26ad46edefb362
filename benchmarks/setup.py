# SPDX-License-Identifier: Apache-2.0
"""Time of the set-up that a newcomer waits for.

``python benchmarks/setup.py [--quick] [--json]``

Copies the files that git tracks, as they are in the working tree, to a temporary folder
and runs ``make setup`` there, once. Needs the package index: packages are downloaded
anew, so the line to it counts. ``--quick`` lets pip take what it has in its cache.
Where no index answers, nothing is measured, and the reason is reported.

Figures
-------
setup_s
    Wall time.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from figures import Figures, figure, make_parser, missing, present
from processes import ProcessError, run

ROOT = Path(__file__).resolve().parents[1]
PROBE = "iniconfig"
"""A requirement of few kB: if pip can fetch it, the index answers."""
PROBE_LIMIT_S = 60.0
LIMIT_S = 3600.0
INHERITED = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VIRTUAL_ENV")
"""Of a make or an environment that runs this; a newcomer has none."""


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("Time of make setup.", "packages from pip's cache")
    options = parser.parse_args()
    try:
        figures = measure(use_cache=options.quick)
    except ProcessError as error:
        sys.exit(str(error))
    present(figures, as_json=options.json)


def measure(*, use_cache: bool) -> Figures:
    """Time one set-up, if the index answers."""
    environment = {k: v for k, v in os.environ.items() if k not in INHERITED}
    with tempfile.TemporaryDirectory() as scratch:
        if why := _why_unreachable(Path(scratch)):
            return {"setup_s": missing(f"the package index did not answer: {why}", "s")}
        tree = Path(scratch) / "tree"
        copy_tracked(tree)
        if not use_cache:
            environment["PIP_NO_CACHE_DIR"] = "1"
        python = Path(sys.executable).resolve()  # not of an environment
        command = ["make", "--directory", tree, "setup", f"PYTHON={python}"]
        started = time.perf_counter()
        run(command, timeout_s=LIMIT_S, environment=environment)
        return {"setup_s": figure(time.perf_counter() - started, "s")}


def copy_tracked(target: Path) -> None:
    """Copy the files that git tracks.

    Parameters
    ----------
    target : Path
        Folder to make.
    """
    listed = run(["git", "-C", ROOT, "ls-files", "-z"], timeout_s=PROBE_LIMIT_S)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # tracked, and not deleted since
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _why_unreachable(scratch: Path) -> str | None:
    """Return why the package index cannot be used, or None if it can."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    options = ["--no-cache-dir", "--retries", "0", "--dest", scratch / "probe"]
    try:
        run([*pip, *options, PROBE], timeout_s=PROBE_LIMIT_S)
    except ProcessError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main()
