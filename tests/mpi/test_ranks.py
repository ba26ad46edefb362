# SPDX-License-Identifier: Apache-2.0
"""Jobs of two ranks, started as a user starts them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from angora_train.run import checkpoint
from angora_train.run.metrics import read_metrics
from tests.angora_train.hindsight.small import SMALL

pytestmark = [pytest.mark.mpi, pytest.mark.slow]

BIN = Path(sys.executable).parent
OVERRIDES = {
    "network.regions": "[Area 4p (PreCG), Area 3a (PostCG), Area 2 (PostCS), "
    "Area hIP2 (IPS)]",
    "network.n_units": "64",
    "network.floor": "8",
    "ppo.horizon": "8",
    "ppo.chunk_length": "4",
    "ppo.minibatch_size": "16",
    "normalization.warm_up_steps": "2",
    "n_worlds": "4",
    "n_cycles": "2",
    "save_every": "1",
}


def command(n_ranks: int, *arguments: str, **changes: str) -> list[str]:
    launcher = [str(BIN / "mpiexec"), "-n", str(n_ranks)] if n_ranks > 1 else []
    settings = [f"{key}={value}" for key, value in {**OVERRIDES, **changes}.items()]
    flags = [part for setting in settings for part in ("--set", setting)]
    if arguments[0] == "resume":
        flags = []
    return [*launcher, str(BIN / "angora-train"), *arguments, *flags]


def run(
    n_ranks: int, directory: Path, **changes: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(n_ranks, "run", "reach", directory=str(directory), **changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_two_ranks_equal_one_rank_with_twice_the_worlds(tmp_path: Path) -> None:
    for n_ranks in (1, 2):
        done = run(n_ranks, tmp_path / str(n_ranks))
        assert done.returncode == 0, done.stderr
    one = checkpoint.load(tmp_path / "1", "last")
    two = checkpoint.load(tmp_path / "2", "last")
    for name, moments in one.moments.items():
        np.testing.assert_allclose(moments, two.moments[name], rtol=1e-5, atol=1e-8)
    for a, b in zip(one.model.weights, two.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    rows = [read_metrics(tmp_path / n / "metrics.jsonl") for n in ("1", "2")]
    for row, other in zip(*rows, strict=True):
        for key in ("train/loss", "train/entropy", "train/explained_variance"):
            assert row[key] == pytest.approx(other[key], rel=1e-3)


PLAIN = {"network.architecture": "simple", "network.cell": "gru"}


@pytest.mark.parametrize(
    ("n_ranks", "changes"),
    [
        # Five worlds for two ranks, five chunks a minibatch: no share is even.
        (2, {"n_worlds": "5", "ppo.minibatch_size": "20"}),
        # Two nodes with a GPU each, as far as roles go: two ranks learn, two gather.
        (4, {"ranks.per_node": "2", "ranks.gpus_per_node": "1"}),
    ],
    ids=["uneven", "two nodes"],
)
def test_neither_shares_nor_roles_change_a_result(
    n_ranks: int, changes: dict[str, str], tmp_path: Path
) -> None:
    alone = {k: v for k, v in changes.items() if not k.startswith("ranks.")}
    done = run(1, tmp_path / "one", **PLAIN, **alone)
    assert done.returncode == 0, done.stderr
    done = run(n_ranks, tmp_path / "many", **PLAIN, **changes)
    assert done.returncode == 0, done.stderr
    one = checkpoint.load(tmp_path / "one", "last")
    many = checkpoint.load(tmp_path / "many", "last")
    for a, b in zip(one.model.weights, many.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    assert set(one.worlds) == set(many.worlds)
    for name in set(one.worlds) - {"task/simulation/state"}:
        np.testing.assert_allclose(
            one.worlds[name], many.worlds[name], rtol=1e-3, atol=1e-4
        )
    assert {"is_first", "observation/touch", "task/elapsed"} <= set(many.worlds)
    rows = [read_metrics(tmp_path / n / "metrics.jsonl") for n in ("one", "many")]
    for row, other in zip(*rows, strict=True):
        for key in ("train/approx_kl", "train/entropy", "train/value_loss"):
            assert row[key] == pytest.approx(other[key], rel=1e-3, abs=1e-6)


def test_a_student_of_two_ranks_is_that_of_one(tmp_path: Path) -> None:
    # A teacher of another family and network, which acts in half of the worlds first.
    teacher = tmp_path / "teacher"
    done = run(1, teacher, **PLAIN, **{"policy.distribution": "gaussian"})
    assert done.returncode == 0, done.stderr
    students = []
    for n_ranks in (1, 2):
        directory = tmp_path / str(n_ranks)
        changes = {"directory": str(directory), "task.options": "{touch: false}"}
        changes |= {"distillation.guided_until": "1.0"}
        done = subprocess.run(
            command(n_ranks, "distill", str(teacher), "reach", **PLAIN, **changes),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        students.append(checkpoint.load(directory, "last"))
    one, two = students
    for a, b in zip(one.model.weights, two.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5)
    for name in set(one.worlds) - {"task/simulation/state"}:
        np.testing.assert_allclose(
            one.worlds[name], two.worlds[name], rtol=1e-3, atol=1e-4
        )
    assert any(name.startswith("guide/") for name in one.worlds)
    rows = [read_metrics(tmp_path / n / "metrics.jsonl") for n in ("1", "2")]
    for row, other, share in zip(*rows, (0.5, 0.25), strict=True):
        for key in ("train/cross_entropy", "train/value_loss"):
            assert row[key] == pytest.approx(other[key], rel=1e-3)
        assert row["rollout/guided"] == other["rollout/guided"] == share


def test_hindsight_of_two_ranks_is_that_of_one(tmp_path: Path) -> None:
    small = {"n_cycles": 3, "save_every": 3, "hindsight.precision": "float32"}
    for n_ranks in (1, 2):
        launcher = [str(BIN / "mpiexec"), "-n", "2"] if n_ranks == 2 else []
        words = [*launcher, str(BIN / "angora-train"), "run", "cube_hindsight"]
        changes = {**SMALL, **small, "directory": tmp_path / str(n_ranks)}
        for key, value in changes.items():
            words += ["--set", f"{key}={value}"]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
    one, two = (checkpoint.load(tmp_path / n, "last") for n in ("1", "2"))
    for a, b in zip(one.model.weights, two.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4)
    kept = "replay/sensation/privileged"
    assert one.worlds[kept].shape == two.worlds[kept].shape == (4, 24, 130)
    rows = [read_metrics(tmp_path / n / "metrics.jsonl") for n in ("1", "2")]
    for row, other in zip(*rows, strict=True):
        assert row["train/updates"] == other["train/updates"]
    for key in ("train/critic_loss", "train/worth"):
        assert rows[0][-1][key] == pytest.approx(rows[1][-1][key], rel=1e-2)


def test_another_number_of_ranks_goes_on_in_the_same_worlds(tmp_path: Path) -> None:
    # Five worlds on one rank, which is as long as a hand has fingertips; a delay of two
    # keeps three steps, which is as long as the first rank of two then has worlds.
    late = "{touch: {delay_steps: 2, noise_std: 0.1}}"
    changes = {
        "n_worlds": "5",
        "ppo.minibatch_size": "20",
        "task.options.sensing": late,
    }
    done = run(1, tmp_path / "1", **PLAIN, **changes)
    assert done.returncode == 0, done.stderr
    shutil.copytree(tmp_path / "1", tmp_path / "2")
    found = []
    for n_ranks in (1, 2):
        directory = tmp_path / str(n_ranks)
        more = ["--set", "n_cycles=3", "--set", f"directory={directory}"]
        done = subprocess.run(
            [*command(n_ranks, "resume", str(directory)), *more],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert "begin new episodes" not in done.stderr
        found.append(checkpoint.load(directory, "last").worlds)
    one, two = found
    assert set(one) == set(two)
    for name in set(one) - {"task/simulation/state"}:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-3, atol=1e-4)
    # Twenty-four steps and no new episode.
    assert (two["task/elapsed"] == 24).all()


def started(directory: Path, **changes: str) -> "subprocess.Popen[str]":
    """Start a job of two ranks and wait until it has trained for some cycles."""
    job = subprocess.Popen(
        command(
            2,
            "run",
            "reach",
            directory=str(directory),
            **{"n_cycles": "100000", **changes},
        ),
        preexec_fn=_heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(read_metrics(directory / "metrics.jsonl")) < 4:
        assert job.poll() is None, job.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return job


def _heed_interrupts() -> None:
    """Undo what a shell in the background passes on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_job_leaves_a_whole_checkpoint_and_resumes(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "run"
    job = started(directory, save_every="100000")
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.count("The last checkpoint is whole") == 1
    rows = read_metrics(directory / "metrics.jsonl")
    reached = checkpoint.load(directory, "last").progress["cycle"]
    assert reached == len(rows)  # saved where it was interrupted

    done = subprocess.run(
        [*command(2, "resume", str(directory)), "--set", f"n_cycles={reached + 2}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    cycles = [row["cycle"] for row in read_metrics(directory / "metrics.jsonl")]
    assert cycles == list(range(1, reached + 3))


def ranks_of(job: "subprocess.Popen[str]") -> list[int]:
    """Return the processes of a job's ranks."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            status = (folder / "stat").read_text()
        except OSError:
            continue
        group = int(status.rpartition(")")[2].split()[2])
        is_rank = any(word.endswith(b"angora-train") for word in words[:3])
        if is_rank and group and b"mpiexec" not in words[0]:
            found.append(int(folder.name))
    return found


def test_a_killed_rank_ends_the_job_and_leaves_a_whole_checkpoint(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "run"
    job = started(directory, **PLAIN)
    ranks = [pid for pid in ranks_of(job) if str(directory).encode() in _words(pid)]
    assert len(ranks) == 2
    began = time.monotonic()
    os.kill(max(ranks), signal.SIGKILL)
    job.communicate(timeout=60)
    assert job.returncode != 0
    assert time.monotonic() - began < 30
    assert checkpoint.load(directory, "last").progress["cycle"] >= 3


@pytest.mark.long  # the short one kills a rank
def test_a_killed_launcher_leaves_no_rank_and_a_whole_checkpoint(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "run"
    job = started(directory, **PLAIN)
    ranks = [pid for pid in ranks_of(job) if str(directory).encode() in _words(pid)]
    job.kill()
    job.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in ranks):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert checkpoint.load(directory, "last").progress["cycle"] >= 3


def _words(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_rank_that_hangs_is_named(tmp_path: Path) -> None:
    program = tmp_path / "hangs.py"
    program.write_text(
        "import time\n"
        "from angora_train.ranks.comm import make_comm\n"
        "from angora_train.ranks.watchdog import Watchdog\n"
        "comm = make_comm()\n"
        "def a_step_that_never_ends():\n"
        "    time.sleep(600)\n"
        "with Watchdog(comm, 2.0):\n"
        "    if comm.rank == 1:\n"
        "        a_step_that_never_ends()\n"
        "    comm.barrier()\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / "mpiexec"), "-n", "2", sys.executable, str(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert "rank 1 has made no progress for 2 s" in done.stderr
    assert "a_step_that_never_ends" in done.stderr
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_worlds": "1", "ppo.minibatch_size": "8"}, "fewer than the 2 ranks"),
        ({"ppo.clip": "1"}, "Unknown config key 'ppo.clip'"),
    ],
)
def test_a_config_error_is_said_once_and_ends_the_job(
    change: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = run(2, tmp_path / "run", **change)
    assert done.returncode == 2
    assert done.stderr.count(message) == 1
    assert "Traceback" not in done.stderr


def test_a_launcher_of_another_mpi_is_refused(tmp_path: Path) -> None:
    # What Open MPI's mpiexec tells its processes, while mpi4py loads MPICH.
    done = subprocess.run(
        [str(BIN / "angora-train"), "run", "reach"],
        env={**os.environ, "OMPI_COMM_WORLD_SIZE": "2"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "belongs to another MPI than mpi4py" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_rank_that_fails_ends_the_job_and_is_named(tmp_path: Path) -> None:
    program = tmp_path / "fails.py"
    program.write_text(
        "from angora_train.commands.job import Job\n"
        "from angora_train.ranks.comm import make_comm\n"
        "comm = make_comm()\n"
        "with Job(comm):\n"
        "    if comm.rank == 1:\n"
        "        raise RuntimeError('the second rank breaks')\n"
        "    comm.barrier()\n"
    )
    started = time.monotonic()
    done = subprocess.run(
        [str(BIN / "mpiexec"), "-n", "2", sys.executable, str(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "the second rank breaks" in done.stderr
    assert "Error (rank 1): the second rank breaks" in done.stderr
    assert time.monotonic() - started < 30
