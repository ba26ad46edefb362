# SPDX-License-Identifier: Apache-2.0
"""Control steps that two MPI ranks gather, and what bare physics would allow.

``python benchmarks/gathering.py [--quick] [--json] [--peers]``

Starts itself under ``mpiexec -n 2``, each rank on one core: reaching with 92 touch
sensors, 32 worlds a rank, acted in by the preset's network of 2,048 units, through the
trainer's own `Collector`. Between two rollouts each rank steps MuJoCo alone with
random controls, so that a busy machine slows both alike. Medians over rounds; the
slower rank counts.

With ``--peers``, AngoraPy 0.11.0 (6 GB, installed once) follows at once: two processes
on its reaching task of the same hand, also with 10 substeps of 2 ms a control step and
92 touch sensors. It acts with its default network, two layers of 64 units. Its time of
gathering is the one that it reports, to 0.1 s in about 8.

Figures
-------
gathering_steps_per_s
    Control steps of all worlds of both ranks per second, wall time.
raw_physics_steps_per_s
    The same for bare `mujoco.mj_step`, 10 substeps a control step.
gathering_share_of_raw
    Median over rounds of their ratio.
network_units
    Units of the network.
angorapy_gathering_steps_per_s, gathering_vs_angorapy
    With ``--peers``: control steps of both of AngoraPy's processes per second, and how
    many times as many ours gather.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import peers
from figures import Figures, figure, make_parser, missing, present
from processes import ProcessError, run

N_RANKS = 2
N_WORLDS = 32
HORIZON = 64
CHUNK_LENGTH = 16
N_SUBSTEPS = 10
N_RESET = 100
LIMIT_S = 1200.0


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser(
        "Control steps of two MPI ranks.", "few rounds", peers.DIRECTORY
    )
    parser.add_argument("--rounds", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds:
        measure_on_this_rank(options.rounds)
        return
    figures = measure(n_rounds=2 if options.quick else 10)
    if options.peers:
        ours = figures["gathering_steps_per_s"]["value"]
        n_cycles = 1 if options.quick else 4
        theirs = measure_angorapy(ours, options.peers_directory, n_cycles)
        figures = {**figures, **theirs}
    present(figures, as_json=options.json)


def measure(n_rounds: int) -> Figures:
    """Start the ranks and return what the first one reports."""
    beside_python = Path(sys.executable).with_name("mpiexec")
    launcher = beside_python if beside_python.is_file() else shutil.which("mpiexec")
    if launcher is None:
        sys.exit("No mpiexec was found. Install it with: pip install mpich")
    command = [launcher, "-n", str(N_RANKS), sys.executable, __file__]
    try:
        printed = run(
            [*command, "--rounds", str(n_rounds)],
            timeout_s=LIMIT_S,
            environment={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except ProcessError as error:
        sys.exit(str(error))
    figures: Figures = json.loads(printed.splitlines()[-1])
    return figures


def measure_angorapy(steps_per_s: float, directory: Path, n_cycles: int) -> Figures:
    """Compare our control steps per second with AngoraPy's."""
    rate, ratio = "angorapy_gathering_steps_per_s", "gathering_vs_angorapy"
    try:
        programs = peers.install(peers.ANGORAPY, directory)
        theirs = peers.angorapy_steps_per_s(programs, n_cycles)
    except peers.PeerError as error:
        return {rate: missing(str(error), "1/s"), ratio: missing(str(error), "1")}
    return {rate: figure(theirs, "1/s"), ratio: figure(steps_per_s / theirs, "1")}


def measure_on_this_rank(n_rounds: int) -> None:
    """Gather in turn with bare physics; the first rank prints the figures."""
    from atlasnet.quiet import import_keras

    import_keras()
    import numpy as np

    from angora_train.ranks.comm import make_comm
    from angora_train.run.trainer import pin_to_core

    comm = make_comm()
    pin_to_core(comm.rank)
    collector, n_units = _make_collector(comm.rank)
    physics = _Physics(comm.rank)

    def slowest(work: Callable[[], Any]) -> float:
        """Return the time that the slower rank takes, in s."""
        comm.barrier()
        start = time.perf_counter()
        work()
        return float(comm.gather(np.array([time.perf_counter() - start])).max())

    gathering, raw = [], []
    for cycle in range(1, n_rounds + 2):
        collect = partial(collector.collect, cycle, HORIZON, CHUNK_LENGTH)
        gathering.append(slowest(collect))
        raw.append(slowest(partial(physics.step, HORIZON)))
    gathering, raw = gathering[1:], raw[1:]  # the first round compiles
    if comm.rank == 0:
        n = comm.size * N_WORLDS * HORIZON
        share = statistics.median(r / g for r, g in zip(raw, gathering, strict=True))
        figures = {
            "gathering_steps_per_s": figure(n / statistics.median(gathering), "1/s"),
            "raw_physics_steps_per_s": figure(n / statistics.median(raw), "1/s"),
            "gathering_share_of_raw": figure(share, "1"),
            "network_units": figure(n_units, "1"),
        }
        print(json.dumps(figures))


def _make_collector(rank: int) -> tuple[Any, int]:
    """Return a rank's worlds and agent as the trainer makes them, and the units."""
    from angora_train.config.loading import load_config
    from angora_train.learning.rollout import Collector
    from angora_train.run.preparation import prepare
    from atlasnet import spec_of

    first_world = rank * N_WORLDS
    ready = prepare(
        load_config("reach", ["seed=0"]), range(first_world, first_world + N_WORLDS)
    )
    spec = spec_of(ready.model)
    n_units = spec.n_units if spec is not None else 0
    collector = Collector(ready.task, ready.agent(), seed=0, first_world=first_world)
    return collector, n_units


class _Physics:
    """As many worlds of the same model, and nothing but their physics."""

    def __init__(self, rank: int) -> None:
        import mujoco
        import numpy as np

        from angora_train.tasks.hand.model import compose_reach_model, rest_state

        self._mujoco = mujoco
        self._model = compose_reach_model()
        self._start = rest_state(self._model)
        self._worlds = [mujoco.MjData(self._model) for _ in range(N_WORLDS)]
        low, high = self._model.actuator_ctrlrange.T
        shape = (N_RESET, N_WORLDS, self._model.nu)
        self._controls = np.random.default_rng(rank).uniform(low, high, shape)
        self._t = 0

    def step(self, n_steps: int) -> None:
        """Step every world; back to the rest state after as many as an episode has."""
        model, mujoco = self._model, self._mujoco
        for _ in range(n_steps):
            if self._t % N_RESET == 0:
                for data in self._worlds:
                    mujoco.mj_copyData(data, model, self._start)
            controls = self._controls[self._t % N_RESET]
            for data, control in zip(self._worlds, controls, strict=True):
                data.ctrl[:] = control
                mujoco.mj_step(model, data, N_SUBSTEPS)
            self._t += 1


if __name__ == "__main__":
    main()
