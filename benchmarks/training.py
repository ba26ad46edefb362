# SPDX-License-Identifier: Apache-2.0
"""Samples per second of whole training runs, and what they could be.

``python benchmarks/training.py [--quick] [--json] [--peers]``

Trains through the command line, ``mpiexec -n 2 angora-train run``, and reads
``metrics.jsonl``: a cycle's samples over its time of gathering and learning, without
the first two cycles, which compile, and without checkpoints. Medians over cycles. What
is compared takes turns, so that a busy machine slows both alike. Each rank has one
thread and one core of its own.

The cube: `ReorientCube`, 10 substeps of 8 ms, 92 touch sensors; architecture `wide`
with an LSTM and separate layers for policy and value; 20 actuators of 11 bins; 32
worlds a rank, chunks of 16, minibatches of 128 chunks a rank, 3 epochs, 128 control
steps a cycle (64 with ``--quick``). All else is the preset `paper`.

Peers are other programs of the kind, each installed once in an environment of its own
(see `peers`). Their setting: the cube with 20 substeps of 2 ms, absolute control, no
touch, policy and value sharing their layers. Their environment is the same hand
and block of Gymnasium-Robotics, `HandManipulateBlockRotateXYZ-v1`, in Python and one
world at a time, with a Gaussian policy; that it is slower is part of the comparison.

Figures
-------
cube_steps_per_s
    The cube, two ranks: samples of both per second.
cube_share_of_bound
    That over 1 / (1 / physics + 1 / policy + 3 / update), the three rates below, which
    are measured before and after each run (before it alone with ``--quick``). Median
    over runs. Above 1 means that other work took the machine's time unevenly.
physics_steps_per_s
    A bare loop of `mujoco.mj_step` that repeats what the task did, from the same states
    with the same commands (the last coordinates are compared, bit for bit), in two
    pinned processes at once; the slower one counts.
policy_steps_per_s
    The same for `Agent.act` on 32 worlds, nothing else.
update_steps_per_s
    The same for the learner's gradient and optimizer's step on a minibatch, once.
ranks_speedup
    Samples per second of two ranks over those of one, with the same work a rank.
communication_share
    Time in collective calls over the time of a cycle, mean of both ranks. It includes
    the time for which the faster rank waits for the slower one.
message_ms, message_share
    An all-reduce of the gradient between two ranks that are both ready, and that times
    the updates of a cycle over the time of a cycle.
update_share_of_sgemm
    Operations per second of an update of the cube's network on 192 chunks of 16 steps,
    over those of the backend's product of two matrices of 2048 x 2048, in turn, float32
    on one core. An update's are those of its matrix products: 2 a weight and sample
    forward and 4 backward (2 where the input is a sensation). Median over rounds.
update_mflop
    These operations, a sample, in MFLOP.
rank_mb
    The largest resident memory of a rank, of two, in a cycle of 2,048 control steps
    with one epoch; memory that ranks share counts in each. Not with ``--quick``.
angorapy_steps_per_s, cube_vs_angorapy
    With ``--peers``: AngoraPy 0.11.0 on `ManipulateBlockDiscreteAsymmetric-v0` with its
    settings `manipulate_discrete` (the same network), two processes, 256 control steps
    of each a cycle, minibatches of 256, 3 epochs; the time is what it reports for a
    cycle. And how many times as many samples per second are `cube_steps_per_s`.
cube_peers_steps_per_s
    With ``--peers``: ours in the peers' setting.
sample_factory_steps_per_s, cube_vs_sample_factory
    Sample-Factory 2.1.1 (APPO): 2 workers of 16 worlds, rollouts of 16, batches of
    2,048, 3 epochs, dense 1024 and LSTM 512. Samples learned from, between the first
    and the last batch that it reports, to 5 s.
recurrent_ppo_steps_per_s, cube_vs_recurrent_ppo
    RecurrentPPO of sb3-contrib 2.9.2: 8 worlds, batches of 1,024, 3 epochs, LSTM 512
    for policy and value without the dense layer, two threads.
cartpole_vs_sb3, pendulum_vs_sb3, half_cheetah_vs_sb3
    With ``--peers``: `simple` without a cell on CartPole-v1, Pendulum-v1 and
    HalfCheetah-v5 against PPO of Stable-Baselines3 2.9.2 with 8 worlds and its
    defaults, on one or two threads, whichever is faster. Both learn from 16,384 samples
    a cycle in 10 epochs. Theirs: minibatches of 64. Ours: two ranks of 32 worlds,
    minibatches of 256, as the configs of `benchmarks/learning` have them.
small_vs_sb3
    The least of the three.
"""

import argparse
import multiprocessing
import resource
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import peers
from figures import Figures, figure, make_parser, missing, present
from processes import ProcessError
from trainings import N_SKIPPED, Row, measure_rates, train

N_RANKS = 2
N_WORLDS = 32
"""Of a rank."""
CHUNK_LENGTH = 16
N_CHUNKS = 128
"""Of a minibatch and rank."""
N_CHUNKS_OF_UPDATE = 192
N_EPOCHS = 3
PAPER = "paper"
CUBE = (
    "task.options.timestep_s=0.008",
    "task.options.n_substeps=10",
    "network.architecture=wide",
    "network.cell=lstm",
    "network.shared=false",
    f"ppo.chunk_length={CHUNK_LENGTH}",
    f"ppo.n_epochs={N_EPOCHS}",
    "ranks.gpus_per_node=0",
    "n_kept=1",
)
PEERS_CUBE = (
    *CUBE,
    "task.options.timestep_s=0.002",
    "task.options.n_substeps=20",
    "task.options.control=absolute",
    "network.shared=true",
    "task.options.touch=false",
)
SMALL = {
    "cartpole": ("CartPole-v1", ("policy.distribution=categorical", "policy.n_bins=2")),
    "pendulum": ("Pendulum-v1", ("policy.distribution=gaussian",)),
    "half_cheetah": ("HalfCheetah-v5", ("policy.distribution=gaussian",)),
}
SMALL_NETWORK = (
    "network.architecture=simple",
    "network.cell=none",
    "ppo.horizon=256",
    "ppo.chunk_length=1",
    "ppo.minibatch_size=256",
    "ppo.n_epochs=10",
    f"n_worlds={N_RANKS * N_WORLDS}",
)
LAST_HORIZON = 2048
"""Control steps of the cycle whose memory is measured."""


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    horizon: int
    n_cycles: int
    """That count."""
    n_blocks: int
    """Pairs of runs, with two ranks and with one."""
    n_rounds: int
    n_peer_samples: int
    n_peer_rounds: int
    has_memory: bool


FULL = Effort(128, 4, 2, 6, 40_960, 4, has_memory=True)
QUICK = Effort(64, 2, 1, 2, 12_288, 1, has_memory=False)


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser(
        "Samples per second of training.", "few cycles", peers.DIRECTORY
    )
    parser.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    figures: dict[str, Any] = {}
    for name, part in PARTS.items():
        is_ours = name not in OF_PEERS
        if name == options.only if options.only else is_ours or options.peers:
            figures |= part(effort, options.peers_directory, figures)
    present(figures, as_json=options.json)


def measure_cube(effort: Effort, _: Path, __: Figures) -> Figures:
    """Train the cube with two ranks and with one, and measure what bounds them."""
    units = {
        "cube_steps_per_s": "1/s",
        "cube_share_of_bound": "1",
        "physics_steps_per_s": "1/s",
        "policy_steps_per_s": "1/s",
        "update_steps_per_s": "1/s",
        "ranks_speedup": "1",
        "communication_share": "1",
        "message_ms": "ms",
        "message_share": "1",
    }

    def work() -> dict[str, float]:
        parts = [measure_parts(effort)]
        pairs, one = [], []
        for _ in range(effort.n_blocks):
            pairs.append(train(N_RANKS, PAPER, cube(CUBE, N_RANKS, effort)))
            one.append(train(1, PAPER, cube(CUBE, 1, effort)))
            if effort.n_blocks > 1:
                parts.append(measure_parts(effort))
        return summarize_cube(parts, pairs, one)

    return attempt(units, work)


def summarize_cube(
    parts: Sequence[Mapping[str, Sequence[float]]],
    pairs: Sequence[Sequence[Row]],
    singles: Sequence[Sequence[Row]],
) -> dict[str, float]:
    """Reduce what was measured to figures.

    Parameters
    ----------
    parts : sequence of mapping of str to sequence of float
        Rates, as `rates.measure_parts` returns them: before the first run and, unless
        there is one only, after each.
    pairs, singles : sequence of sequence of mapping
        Cycles of the runs with two ranks, and with one.

    Returns
    -------
    dict of str to float
        Value by figure.
    """
    shares = []
    for i, rows in enumerate(pairs):
        around = parts[i : i + 2]
        physics, policy, update = (
            statistics.median(rate for part in around for rate in part[name])
            for name in ("physics", "policy", "update")
        )
        bound = 1.0 / (1.0 / physics + 1.0 / policy + N_EPOCHS / update)
        shares.append(median_of(rows, "time/steps_per_s") / bound)
    cycles = [row for rows in pairs for row in rows]
    everything = {
        name: statistics.median(value for part in parts for value in part[name])
        for name in ("physics", "policy", "update", "message_s")
    }
    message_s = everything["message_s"]
    return {
        "cube_steps_per_s": median_of(cycles, "time/steps_per_s"),
        "cube_share_of_bound": statistics.median(shares),
        "physics_steps_per_s": everything["physics"],
        "policy_steps_per_s": everything["policy"],
        "update_steps_per_s": everything["update"],
        "ranks_speedup": statistics.median(
            median_of(two, "time/steps_per_s") / median_of(one, "time/steps_per_s")
            for two, one in zip(pairs, singles, strict=True)
        ),
        "communication_share": statistics.median(
            row["time/communication_s"] / cycle_s(row) for row in cycles
        ),
        "message_ms": 1000.0 * message_s,
        "message_share": statistics.median(
            message_s * row["train/updates"] / cycle_s(row) for row in cycles
        ),
    }


def measure_products(effort: Effort, _: Path, __: Figures) -> Figures:
    """Compare an update with a product of matrices."""
    n_steps = N_CHUNKS_OF_UPDATE * CHUNK_LENGTH
    overrides = [
        *CUBE,
        "ppo.n_epochs=1",
        f"n_worlds={N_WORLDS}",
        f"ppo.horizon={n_steps // N_WORLDS}",
        f"ppo.minibatch_size={n_steps}",
    ]

    def work() -> dict[str, float]:
        measured = measure_rates("products", 1, overrides, effort.n_rounds)
        shares = zip(measured["update"], measured["sgemm"], strict=True)
        return {
            "update_share_of_sgemm": statistics.median(u / s for u, s in shares),
            "update_mflop": measured["flop_per_sample"] / 1e6,
        }

    return attempt({"update_share_of_sgemm": "1", "update_mflop": "1"}, work)


def measure_memory(effort: Effort, _: Path, __: Figures) -> Figures:
    """Measure a rank's memory, in a process that started no other."""
    if not effort.has_memory:
        return {"rank_mb": missing("with --quick, not", "MB")}

    def work() -> dict[str, float]:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return {"rank_mb": process.submit(largest_rank_mb).result()}

    return attempt({"rank_mb": "MB"}, work)


def largest_rank_mb() -> float:
    """Run one long cycle; return the largest memory of a process that took part."""
    n_steps = N_RANKS * N_CHUNKS * CHUNK_LENGTH
    train(
        N_RANKS,
        PAPER,
        [
            *CUBE,
            "ppo.n_epochs=1",
            f"n_worlds={N_RANKS * N_WORLDS}",
            f"ppo.horizon={LAST_HORIZON}",
            f"ppo.minibatch_size={n_steps}",
            "n_cycles=1",
        ],
    )
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * bytes_a_unit / 1e6


def measure_angorapy(_: Effort, directory: Path, known: Figures) -> Figures:
    """Compare the cube with AngoraPy's."""

    def work() -> dict[str, float]:
        ours = known.get("cube_steps_per_s", {}).get("value")
        if ours is None:
            raise ProcessError("cube_steps_per_s was not measured")
        programs = peers.install(peers.ANGORAPY, directory)
        theirs = peers.angorapy_samples_per_s(programs)
        return {"angorapy_steps_per_s": theirs, "cube_vs_angorapy": ours / theirs}

    return attempt({"angorapy_steps_per_s": "1/s", "cube_vs_angorapy": "1"}, work)


def measure_peers(effort: Effort, directory: Path, _: Figures) -> Figures:
    """Compare ours with recurrent peers, in their setting."""

    def work() -> dict[str, float]:
        rows = train(N_RANKS, PAPER, cube(PEERS_CUBE, N_RANKS, effort))
        return {"cube_peers_steps_per_s": median_of(rows, "time/steps_per_s")}

    figures = attempt({"cube_peers_steps_per_s": "1/s"}, work)
    ours = figures["cube_peers_steps_per_s"]["value"]

    def compare(name: str, peer: peers.Peer, rate: Callable[[Path], float]) -> Figures:
        def work() -> dict[str, float]:
            if ours is None:
                raise ProcessError("cube_peers_steps_per_s was not measured")
            theirs = rate(peers.install(peer, directory))
            return {f"{name}_steps_per_s": theirs, f"cube_vs_{name}": ours / theirs}

        return attempt({f"{name}_steps_per_s": "1/s", f"cube_vs_{name}": "1"}, work)

    sample_factory = partial(
        peers.sample_factory_samples_per_s, n_samples=effort.n_peer_samples
    )
    recurrent_ppo = partial(
        peers.recurrent_ppo_samples_per_s, n_rounds=4 * effort.n_peer_rounds
    )
    return {
        **figures,
        **compare("sample_factory", peers.SAMPLE_FACTORY, sample_factory),
        **compare("recurrent_ppo", peers.STABLE_BASELINES, recurrent_ppo),
    }


def measure_small(effort: Effort, directory: Path, _: Figures) -> Figures:
    """Compare small networks with Stable-Baselines3's."""
    figures: dict[str, Any] = {}
    for name, (environment, overrides) in SMALL.items():

        def work(
            environment: str = environment,
            overrides: Sequence[str] = overrides,
            name: str = name,
        ) -> dict[str, float]:
            programs = peers.install(peers.STABLE_BASELINES, directory)
            task = [f"task.name=gym:{environment}", "task.options={}"]
            cycles = f"n_cycles={N_SKIPPED + 2 * effort.n_cycles}"
            rows = train(N_RANKS, "reach", [*task, *SMALL_NETWORK, *overrides, cycles])
            theirs = peers.sb3_samples_per_s(programs, environment)
            ours = median_of(rows, "time/steps_per_s")
            return {f"{name}_vs_sb3": ours / theirs}

        figures |= attempt({f"{name}_vs_sb3": "1"}, work)
    values = [entry["value"] for entry in figures.values()]
    if None in values:
        figures["small_vs_sb3"] = missing("not all three were measured", "1")
    else:
        figures["small_vs_sb3"] = figure(min(values), "1")
    return figures


PARTS: Mapping[str, Callable[[Effort, Path, Figures], Figures]] = {
    "cube": measure_cube,
    "products": measure_products,
    "memory": measure_memory,
    "angorapy": measure_angorapy,
    "peers": measure_peers,
    "small": measure_small,
}
OF_PEERS = ("angorapy", "peers", "small")


def attempt(
    units: Mapping[str, str], work: Callable[[], Mapping[str, float]]
) -> Figures:
    """Return the figures that some work gives; each says why, where it fails.

    Parameters
    ----------
    units : mapping of str to str
        Unit by figure.
    work : callable
        Returns the value of each.

    Returns
    -------
    mapping
        Figures.
    """
    try:
        values = work()
    except (ProcessError, peers.PeerError) as error:
        return {name: missing(str(error), unit) for name, unit in units.items()}
    return {name: figure(values[name], unit) for name, unit in units.items()}


def cube(overrides: Sequence[str], n_ranks: int, effort: Effort) -> list[str]:
    """Return the changes of the preset for a run on some ranks."""
    return [
        *overrides,
        f"n_worlds={n_ranks * N_WORLDS}",
        f"ppo.horizon={effort.horizon}",
        f"ppo.minibatch_size={n_ranks * N_CHUNKS * CHUNK_LENGTH}",
        f"n_cycles={N_SKIPPED + effort.n_cycles}",
    ]


def measure_parts(effort: Effort) -> dict[str, list[float]]:
    """Measure what bounds the cube: rates of two ranks, each with its own worlds."""
    n_steps = N_CHUNKS * CHUNK_LENGTH
    overrides = [
        *CUBE,
        "ppo.n_epochs=1",
        f"n_worlds={N_WORLDS}",
        f"ppo.horizon={n_steps // N_WORLDS}",
        f"ppo.minibatch_size={n_steps}",
    ]
    return measure_rates("parts", N_RANKS, overrides, effort.n_rounds)


def median_of(rows: Sequence[Row], name: str) -> float:
    """Return the median of a metric over cycles."""
    return statistics.median(row[name] for row in rows)


def cycle_s(row: Row) -> float:
    """Return the time of a cycle, s."""
    return row["time/gathering_s"] + row["time/learning_s"]


if __name__ == "__main__":
    main()
