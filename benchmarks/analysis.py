# SPDX-License-Identifier: Apache-2.0
"""Analysis: what a recorded or lesioned network takes.

``python benchmarks/analysis.py [--quick] [--json]``

Figures
-------
lesion_sweep_per_hour
    Lesions of single areas in an hour, 50 episodes of reaching each, by ``angora-train
    lesion`` with four at a time: `fpn` of 1,024 units with initial weights, from eight
    lesions without what compiles first.
lesion_sweep_together
    The same over lesions one at a time.
"""

import time

from figures import Figures, figure, make_parser, present

from angora_train.analysis.lesioning.conditions import area_conditions
from angora_train.analysis.lesioning.sweep import play_sweep
from angora_train.config.loading import load_config
from angora_train.run.preparation import prepare
from atlasnet import spec_of

N_EPISODES = 50


def lesion_figures(*, quick: bool) -> Figures:
    """Return how many lesions an hour plays."""
    rates = {n: _lesions_per_s(n, 2 * n if quick else 8) for n in (1, 4)}
    return {
        "lesion_sweep_per_hour": figure(3600.0 * rates[4], "1/h"),
        "lesion_sweep_together": figure(rates[4] / rates[1], "1"),
    }


def _lesions_per_s(n_together: int, n_lesions: int) -> float:
    """Return lesions a second, so many at a time, without the first call."""
    ready = prepare(load_config("reach"), range(N_EPISODES))
    spec = spec_of(ready.model)
    if spec is None:
        raise SystemExit("The preset 'reach' has no areas.")
    lesions = area_conditions(spec, n_random=0)[: n_lesions + n_together - 1]
    told: list[tuple[int, float]] = []
    play_sweep(
        ready,
        lesions,
        seed=3,
        n_together=n_together,
        tell=lambda n_done, n, name: told.append((n_done, time.perf_counter())),
    )
    ready.task.close()
    (first, begun), (last, ended) = told[1], told[-1]
    return (last - first) / (ended - begun)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__ or "", "fewer lesions")
    arguments = parser.parse_args()
    present(lesion_figures(quick=arguments.quick), as_json=arguments.json)


if __name__ == "__main__":
    main()
