# SPDX-License-Identifier: Apache-2.0
"""Other programs of the kind, each installed in an environment of its own.

Nothing of them is imported: they are run as their users run them, and what they print
is read.
"""

import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from processes import ProcessError, plain, run

__all__ = [
    "ANGORAPY",
    "DIRECTORY",
    "ENVPOOL",
    "GYMNASIUM_ROBOTICS",
    "Peer",
    "PeerError",
    "angorapy_gathering_times_s",
    "angorapy_steps_per_s",
    "hand_figures",
    "install",
]

DIRECTORY = Path(__file__).resolve().parents[1] / "runs" / "peers"
"""Where environments are made unless another folder is given; git ignores it."""
N_PROCESSES = 2
HORIZON = 1024
"""Control steps a process and cycle."""
_STAMP = "installed.txt"
_INSTALL_LIMIT_S = 1800.0
_RUN_LIMIT_S = 900.0
_REPORT = re.compile(r"Cycle\W+\d+/\d+;.*?time: \[([\d.]+)\|")


class PeerError(RuntimeError):
    """A peer cannot be installed or measured; the message is one line."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program.

    Attributes
    ----------
    name : str
        Also of its folder.
    requirements : tuple of str
        What pip installs.
    disk_gb : float
        Room that its environment takes, in GB.
    """

    name: str
    requirements: tuple[str, ...]
    disk_gb: float


# MPI is optional to AngoraPy; its processes need it.
ANGORAPY = Peer("angorapy", ("angorapy==0.11.0", "mpi4py>=4", "mpich>=4.3"), 6.0)
"""AngoraPy, https://github.com/ccnmaastricht/angorapy"""

# The last MuJoCo that its environment classes run with.
GYMNASIUM_ROBOTICS = Peer(
    "gymnasium-robotics", ("gymnasium-robotics==1.4.2", "mujoco==3.11.0"), 1.0
)
"""Gymnasium-Robotics, https://github.com/Farama-Foundation/Gymnasium-Robotics"""

# The version of MuJoCo that is built into it, for the bare loop.
ENVPOOL = Peer("envpool", ("envpool==1.2.5", "gymnasium", "mujoco==3.6.0"), 2.0)
"""EnvPool, https://github.com/sail-sg/envpool"""


def install(peer: Peer, directory: Path = DIRECTORY) -> Path:
    """Make a peer's environment, unless it is there.

    Parameters
    ----------
    peer : Peer
        What to install.
    directory : Path
        Folder of all peers' environments.

    Returns
    -------
    Path
        The folder with its programs, ``python`` among them.

    Raises
    ------
    PeerError
        If it cannot be installed: no room, no package index, no fitting release.
    """
    folder = directory.resolve() / peer.name
    programs, stamp = folder / "bin", folder / _STAMP
    wanted = "\n".join(peer.requirements) + "\n"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return programs
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PeerError(f"{peer.name} has no place: {error}") from error
    free_gb = shutil.disk_usage(folder).free / 1e9
    if not programs.is_dir() and free_gb < peer.disk_gb:
        raise PeerError(
            f"{peer.name} needs {peer.disk_gb:.0f} GB of disk, {free_gb:.1f} are free"
        )
    pip = [programs / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
    try:
        run([sys.executable, "-m", "venv", folder], timeout_s=_INSTALL_LIMIT_S)
        run([*pip, *peer.requirements], timeout_s=_INSTALL_LIMIT_S)
    except ProcessError as error:
        raise PeerError(f"{peer.name} could not be installed: {error}") from error
    stamp.write_text(wanted, encoding="utf-8")  # last: the environment is whole
    return programs


def angorapy_steps_per_s(programs: Path, n_cycles: int) -> float:
    """Measure how fast AngoraPy gathers on its reaching task.

    ``python -m angorapy.train ReachAbsolute-v0`` under its own ``mpiexec -n 2``, with
    its default network (two layers of 64 units), one world a process. Time is what it
    reports for gathering in a cycle: from the distribution of weights to the merged
    normalisation, learning left out.

    Parameters
    ----------
    programs : Path
        As `install` returns it.
    n_cycles : int
        Cycles that count; one more warms up.

    Returns
    -------
    float
        Control steps of both processes per second; median over cycles.

    Raises
    ------
    PeerError
        If it fails or reports no times.
    """
    # A report tells the time of the cycle before it, and the last cycle has none.
    train = f"-m angorapy.train ReachAbsolute-v0 --horizon {HORIZON}".split()
    options = f"--workers {N_PROCESSES} --iterations {n_cycles + 2} --cpu --no-monitor"
    command = [
        *(programs / "mpiexec", "-n", str(N_PROCESSES)),
        *(programs / "python", *train, *options.split()),
    ]
    with tempfile.TemporaryDirectory() as scratch:  # it writes where it is run
        try:
            printed = run(
                command,
                timeout_s=_RUN_LIMIT_S,
                directory=Path(scratch),
                environment={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except ProcessError as error:
            raise PeerError(f"AngoraPy did not run: {error}") from error
    times_s = angorapy_gathering_times_s(printed)
    if len(times_s) < 2 or not all(times_s):
        raise PeerError(f"AngoraPy reported {len(times_s)} times of gathering")
    return N_PROCESSES * HORIZON / statistics.median(times_s[1:])


def angorapy_gathering_times_s(printed: str) -> list[float]:
    """Read the times of gathering from AngoraPy's reports.

    Parameters
    ----------
    printed : str
        Its output. A cycle's report is one line, with the seconds spent gathering,
        evaluating and optimising: ``Cycle 2/5; ... time: [8.7|0.0|1.4] ...``.

    Returns
    -------
    list of float
        One a report, in s, resolved to 0.1 s.
    """
    return [float(time) for time in _REPORT.findall(plain(printed))]


def hand_figures(
    peer: Peer, programs: Path, assets: Path, n_rounds: int
) -> dict[str, float]:
    """Measure how fast a peer steps its hands, against bare physics.

    Parameters
    ----------
    peer : Peer
        `GYMNASIUM_ROBOTICS` or `ENVPOOL`.
    programs : Path
        As `install` returns it.
    assets : Path
        Folder with the hand's model files, for the bare loop.
    n_rounds : int
        Episodes that count; one more warms up.

    Returns
    -------
    dict of str to float
        What ``stepping.py`` prints: ``reach_share_of_raw``,
        ``cube_touch_share_of_raw`` and, where the peer can be asked for it,
        ``reach_reset_ms`` and ``cube_touch_reset_ms``.

    Raises
    ------
    PeerError
        If it fails or prints something else.
    """
    script = Path(__file__).with_name("stepping.py")
    command = [programs / "python", script, peer.name, assets, n_rounds]
    try:
        printed = run(
            command,
            timeout_s=_RUN_LIMIT_S,
            environment={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        figures: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    except (ProcessError, IndexError, json.JSONDecodeError) as error:
        raise PeerError(f"{peer.name} did not run: {error}") from error
    return figures
