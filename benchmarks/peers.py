# SPDX-License-Identifier: Apache-2.0
"""Other programs of the kind, each installed in an environment of its own.

Nothing of them is imported: they are run as their users run them, and what they print
is read.
"""

import datetime
import itertools
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from processes import ProcessError, plain, run

__all__ = [
    "ANGORAPY",
    "DIRECTORY",
    "ENVPOOL",
    "GYMNASIUM_ROBOTICS",
    "SAMPLE_FACTORY",
    "STABLE_BASELINES",
    "Peer",
    "PeerError",
    "angorapy_cycle_times_s",
    "angorapy_gathering_times_s",
    "angorapy_samples_per_s",
    "angorapy_steps_per_s",
    "hand_figures",
    "install",
    "recurrent_ppo_samples_per_s",
    "sample_factory_progress",
    "sample_factory_samples_per_s",
    "sb3_samples_per_s",
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
_CYCLE = re.compile(r"Cycle\W+\d+/\d+;.*?took ([\d.]+)s")
_CYCLE_HORIZON = 256
_PROGRESS = re.compile(
    r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+)\].*?Total num frames: (\d+)"
)
_HAND = "HandManipulateBlockRotateXYZ-v1"
_FOLDER = Path(__file__).resolve().parent


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
SAMPLE_FACTORY = Peer(
    "sample_factory",
    (
        "torch==2.13.0",
        "sample-factory==2.1.1",
        "gymnasium-robotics==1.2.4",
        "setuptools<81",
    ),
    8.0,
)
"""Sample-Factory, https://github.com/alex-petrenko/sample-factory"""
STABLE_BASELINES = Peer(
    "stable_baselines",
    ("torch==2.13.0", "sb3-contrib==2.9.2", "gymnasium-robotics", "mujoco<3.12"),
    8.0,
)
"""Stable-Baselines3 and its recurrent PPO, https://github.com/DLR-RM/stable-baselines3,
https://github.com/Stable-Baselines-Team/stable-baselines3-contrib"""

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


def _run_peer(
    name: str,
    command: Sequence[object],
    *,
    n_threads: int = 1,
) -> str:
    """Run a peer in a folder that is deleted, as it writes where it is run."""
    # Its environment is its own: neither our packages nor our settings.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return run(
                command,
                timeout_s=_RUN_LIMIT_S,
                directory=Path(scratch),
                environment={**inherited, "OMP_NUM_THREADS": str(n_threads)},
            )
        except ProcessError as error:
            raise PeerError(f"{name} did not run: {error}") from error


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
    printed = _run_peer("AngoraPy", command)
    times_s = angorapy_gathering_times_s(printed)
    if len(times_s) < 2 or not all(times_s):
        raise PeerError(f"AngoraPy reported {len(times_s)} times of gathering")
    return N_PROCESSES * HORIZON / statistics.median(times_s[1:])


def angorapy_samples_per_s(programs: Path) -> float:
    """Measure how fast AngoraPy trains on its cube, learning included.

    ``python -m angorapy.train ManipulateBlockDiscreteAsymmetric-v0 --pcon
    manipulate_discrete`` under its own ``mpiexec -n 2``, one world a process, with
    minibatches of 256 samples.

    Parameters
    ----------
    programs : Path
        As `install` returns it.

    Returns
    -------
    float
        Samples of both processes per second, of the time that it reports for a cycle;
        median over cycles but for the first.

    Raises
    ------
    PeerError
        If it fails or reports no times.
    """
    task = "ManipulateBlockDiscreteAsymmetric-v0 --pcon manipulate_discrete"
    size = f"--workers {N_PROCESSES} --horizon {_CYCLE_HORIZON} --batch-size 256"
    options = f"{task} {size} --iterations 3 --cpu --no-monitor"
    command = [
        *(programs / "mpiexec", "-n", str(N_PROCESSES)),
        *(programs / "python", "-m", "angorapy.train", *options.split()),
    ]
    times_s = angorapy_cycle_times_s(_run_peer("AngoraPy", command))
    if len(times_s) < 2 or not all(times_s):
        raise PeerError(f"AngoraPy reported {len(times_s)} times of cycles")
    return N_PROCESSES * _CYCLE_HORIZON / statistics.median(times_s[1:])


def angorapy_cycle_times_s(printed: str) -> list[float]:
    """Read the times of whole cycles from AngoraPy's reports.

    Parameters
    ----------
    printed : str
        Its output: ``Cycle 2/5; ... took 6.65s``.

    Returns
    -------
    list of float
        One a report, in s.
    """
    return [float(time) for time in _CYCLE.findall(plain(printed))]


def sample_factory_samples_per_s(programs: Path, n_samples: int) -> float:
    """Measure how fast Sample-Factory's APPO trains on a block in a hand.

    Two workers of 16 worlds, rollouts of 16, batches of 2,048, 3 epochs; a dense layer
    of 1,024 units and an LSTM of 512.

    Parameters
    ----------
    programs : Path
        As `install` returns it.
    n_samples : int
        Samples to learn from.

    Returns
    -------
    float
        Samples per second, from the first to the last batch that it reports.

    Raises
    ------
    PeerError
        If it fails or reports too little.
    """
    options = (
        f"--env={_HAND} --experiment=speed --train_dir=. --device=cpu --num_workers=2 "
        "--num_envs_per_worker=16 --rollout=16 --batch_size=2048 --num_epochs=3 "
        "--use_rnn=True --rnn_type=lstm --rnn_size=512 --encoder_mlp_layers 1024 "
        f"--train_for_env_steps={n_samples}"
    )
    script = [programs / "python", _FOLDER / "peer_sample_factory.py"]
    printed = _run_peer("Sample-Factory", [*script, *options.split()])
    reports = sample_factory_progress(printed)
    changes = [
        late for early, late in itertools.pairwise(reports) if late[1] > early[1]
    ]
    if len(changes) < 2:
        raise PeerError(f"Sample-Factory reported {len(changes)} batches")
    (begun_s, n_before), (ended_s, n_after) = changes[0], changes[-1]
    return (n_after - n_before) / (ended_s - begun_s)


def sample_factory_progress(printed: str) -> list[tuple[float, int]]:
    """Read from Sample-Factory's log how many samples it has learned from, and when.

    Parameters
    ----------
    printed : str
        Its log: ``[2025-01-01 10:00:05,250][12] Fps is (...). Total num frames: 4096.``

    Returns
    -------
    list of (float, int)
        Time, in s, and samples, one pair a report.
    """
    return [
        (datetime.datetime.strptime(time, "%Y-%m-%d %H:%M:%S,%f").timestamp(), int(n))
        for time, n in _PROGRESS.findall(plain(printed))
    ]


def recurrent_ppo_samples_per_s(programs: Path, n_rounds: int) -> float:
    """Measure how fast sb3-contrib's RecurrentPPO trains on a block in a hand.

    Parameters
    ----------
    programs : Path
        As `install` returns it.
    n_rounds : int
        Rounds of 1,024 samples that count; one more warms up.

    Returns
    -------
    float
        Samples per second; median over rounds.

    Raises
    ------
    PeerError
        If it fails.
    """
    return statistics.median(
        _rounds(programs, [_HAND, n_rounds + 1, "--recurrent"], n_threads=2)[1:]
    )


def sb3_samples_per_s(programs: Path, environment: str) -> float:
    """Measure how fast PPO of Stable-Baselines3 trains with its defaults.

    Parameters
    ----------
    programs : Path
        As `install` returns it.
    environment : str
        Its name with Gymnasium.

    Returns
    -------
    float
        Samples per second of the second round of 16,384 samples, with one thread or
        with two, whichever is faster.

    Raises
    ------
    PeerError
        If it fails.
    """
    return max(_rounds(programs, [environment, 2], n_threads=n)[1] for n in (1, 2))


def _rounds(
    programs: Path, arguments: Sequence[object], *, n_threads: int
) -> list[float]:
    """Return samples per second of each round of Stable-Baselines3."""
    script = [programs / "python", _FOLDER / "peer_stable_baselines.py"]
    printed = _run_peer(
        "Stable-Baselines3",
        [*script, *arguments, "--threads", n_threads],
        n_threads=n_threads,
    )
    rates: list[float] = json.loads(printed.splitlines()[-1])
    return rates


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
