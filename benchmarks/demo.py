# SPDX-License-Identifier: Apache-2.0
"""The demo: how long it takes, and what its network learns.

``python benchmarks/demo.py [--quick] [--json] [--ranks N]``

Runs what ``make demo`` runs, once, in a temporary folder: a network from the atlas,
trained by MPI ranks, evaluated, recorded, analysed and reported. ``--quick`` trains for
4 cycles, too short to learn anything.

Figures
-------
demo_s
    Wall time, imports included.
samples_per_s
    Control steps of all worlds per second of training, learning included; median over
    cycles.
areas
    Areas of the network.
demo_trained_return, demo_untrained_return, demo_best_posture_return, \
demo_shuffled_goals_return
    Mean return over the same 50 episodes: the agent after and before training, the best
    constant posture, and the trained agent shown the goals of other episodes.
demo_trained_success, demo_untrained_success, demo_best_posture_success, \
demo_shuffled_goals_success
    Share of those episodes whose goal was met at the end.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from figures import Figures, figure, make_parser, present

# One thread a rank, as in the command of the demo: before NumPy loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

N_QUICK_CYCLES = 4


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("Time and result of the demo.", f"{N_QUICK_CYCLES} cycles")
    parser.add_argument("--ranks", type=int, default=2, metavar="N", help="MPI ranks")
    options = parser.parse_args()
    overrides = [f"n_cycles={N_QUICK_CYCLES}"] if options.quick else []
    present(measure(options.ranks, overrides), as_json=options.json)


def measure(n_ranks: int, overrides: list[str]) -> Figures:
    """Run the demo and return what it took and found."""
    started = time.perf_counter()
    from atlasnet.quiet import import_keras

    import_keras()
    from rich.console import Console

    from angora_train.demo import run_demo
    from angora_train.errors import AngoraError

    with tempfile.TemporaryDirectory() as folder:
        try:
            result = run_demo(
                Path(folder) / "demo",
                n_ranks,
                overrides=overrides,
                console=Console(stderr=True),
            )
        except AngoraError as error:
            sys.exit(f"{type(error).__name__}: {error}")
    return {
        "demo_s": figure(time.perf_counter() - started, "s"),
        "samples_per_s": figure(result.samples_per_s, "1/s"),
        "areas": figure(len(result.spec.areas), "1"),
        **_conditions(result.comparison.summaries),
    }


def _conditions(summaries: Any) -> dict[str, dict[str, Any]]:
    """Return mean return and success of the agent and its three controls."""
    from angora_train.analysis.conditions import CONDITIONS

    return {
        f"demo_{condition.replace(' ', '_')}_{name}": figure(interval.mean, "1")
        for name, key in (("return", "total_reward"), ("success", "success"))
        for condition in CONDITIONS
        for interval in [getattr(summaries[condition], key)]
    }


if __name__ == "__main__":
    main()
