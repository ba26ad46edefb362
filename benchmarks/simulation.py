# SPDX-License-Identifier: Apache-2.0
"""Cost of the simulation: tasks against MuJoCo's bare stepping.

``python benchmarks/simulation.py [--quick] [--json] [--peers]``

Random actions, 32 worlds, episodes of 100 control steps. The bare loop writes the
same controls into worlds of the same model, steps them by the same number of
substeps and takes them back to the start after 100 steps, so that both do the very
same physics (the last joint angles are compared, bit for bit). What is compared takes
turns after every few control steps, so that a busy machine slows both alike; times
are summed over an episode, and medians over episodes are reported. Rates of one core
are per second of processor time.

Figures
-------
reach_steps_per_s, raw_steps_per_s
    Control steps of one world per second, on one core.
reach_share_of_raw
    Median over episodes of the bare loop's time over the task's.
cube_steps_per_s, cube_touch_share_of_raw
    The same for the cube, with 92 touch sensors and 10 substeps of 8 ms. The bare loop
    takes up the states in which the task began new episodes.
cube_20x4ms_steps_per_s, cube_40x2ms_steps_per_s
    Finer physics in the same control step of 80 ms.
threads_speedup, raw_threads_speedup
    Two threads over one, wall time, in turn: of the task, and of the bare loop with
    half of the worlds in each thread, which wait for each other every few steps only.
    The latter is what the machine's two cores give.
reset_ms, cube_reset_ms
    Restart of one world, with its new goal and first observation.
world_mb, cube_world_mb
    Resident memory of one more world, after an episode.
rgb_frames_per_s
    Pictures of 128 x 128 pixels that one camera gives `vision`, of 32 hands with cubes,
    per second of processor time.
rgb_shapes_frames_per_s
    The same with the hand as capsules and boxes.
rgb_step_share_of_pose
    Time of a step with `vision` as a pose over that with one picture of 84 x 84 pixels.
flatness
    Cost of a cube's step in the slowest batch over that in the fastest, of 32 to 1,024
    worlds (256 with ``--quick``) that all begin in the same 32 states and do the same;
    each against 32 worlds in turn with it.
gymnasium_robotics_*, envpool_*
    With ``--peers``: the shares and the reset of Gymnasium-Robotics and of EnvPool,
    with 20 substeps of 2 ms, each against the bare loop of the MuJoCo that it works
    with (see ``stepping.py``).
"""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from episodes import (
    CUBE,
    N_STEPS,
    N_STEPS_A_TURN,
    N_WORLDS,
    BareEpisodes,
    BareHalves,
    Copies,
    CubeEpisodes,
    TaskEpisodes,
    draw_actions,
)
from figures import figure as _figure
from figures import make_parser, missing, present
from peers import (
    DIRECTORY,
    ENVPOOL,
    GYMNASIUM_ROBOTICS,
    PeerError,
    hand_figures,
    install,
)

from angora_train.errors import TaskError
from angora_train.tasks import make_vector_task
from angora_train.tasks.hand.cameras import open_eyes
from angora_train.tasks.hand.model import compose_cube_model, find_assets
from angora_train.tasks.worlds.vision import VisionConfig

N_STEPS_OF_FLATNESS = 5


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("Cost of the simulation.", "few rounds")
    parser.add_argument("--peers", action="store_true", help="measure peers too")
    options = parser.parse_args()
    figures = measure(n_rounds=3 if options.quick else 15)
    if options.peers:
        figures |= measure_peers(n_rounds=3 if options.quick else 15)
    present(figures, as_json=options.json)


def measure(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Measure every figure; memory in processes of its own, which are still small."""
    world_mb = {}
    for name in ("Reach", "ReorientCube"):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            world_mb[name] = process.submit(_measure_memory, name).result()
    return {
        **_measure_share(n_rounds),
        **_measure_cube_share(n_rounds),
        **_measure_finer_physics(max(1, n_rounds // 5)),
        **_measure_threads(n_rounds),
        "reset_ms": _figure(_measure_reset("Reach", n_rounds), "ms"),
        "cube_reset_ms": _figure(_measure_reset("ReorientCube", n_rounds), "ms"),
        "world_mb": _figure(world_mb["Reach"], "MB"),
        "cube_world_mb": _figure(world_mb["ReorientCube"], "MB"),
        **_measure_pixels(n_rounds),
        "flatness": _figure(_measure_flatness(n_rounds), "1"),
    }


def measure_peers(
    n_rounds: int, directory: Path = DIRECTORY
) -> dict[str, dict[str, Any]]:
    """Measure other programs' hands, each in an environment of its own."""
    figures = {}
    for peer in (GYMNASIUM_ROBOTICS, ENVPOOL):
        prefix = peer.name.replace("-", "_")
        try:
            programs = install(peer, directory)
            measured = hand_figures(peer, programs, find_assets(), n_rounds)
        except PeerError as error:
            names = ("reach_share_of_raw", "cube_touch_share_of_raw")
            figures |= {f"{prefix}_{name}": missing(str(error), "1") for name in names}
            continue
        for name, value in measured.items():
            unit = "ms" if name.endswith("_ms") else "1"
            figures[f"{prefix}_{name}"] = _figure(value, unit)
    return figures


def _measure_share(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Time the task and the bare loop in turn."""
    actions = draw_actions(N_WORLDS)
    task, bare = TaskEpisodes(actions), BareEpisodes(actions)
    times = _take_turns({"task": task, "bare": bare}, time.process_time, n_rounds)
    if not np.array_equal(task.last_angles, bare.last_positions.astype(np.float32)):
        sys.exit("The task and the bare loop did different physics.")
    n = N_WORLDS * N_STEPS
    return {
        "reach_steps_per_s": _figure(n / statistics.median(times["task"]), "1/s"),
        "raw_steps_per_s": _figure(n / statistics.median(times["bare"]), "1/s"),
        "reach_share_of_raw": _figure(_ratio(times["bare"], times["task"]), "1"),
    }


def _measure_cube_share(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Time the cube's task and the bare loop in turn."""
    actions = draw_actions(N_WORLDS)
    task = CubeEpisodes(actions)
    bare = BareEpisodes(actions, compose_cube_model(), task.record())
    times = _take_turns({"task": task, "bare": bare}, time.process_time, n_rounds)
    if not np.array_equal(task.last_positions, bare.last_positions):
        sys.exit("The cube's task and the bare loop did different physics.")
    n = N_WORLDS * N_STEPS
    return {
        "cube_steps_per_s": _figure(n / statistics.median(times["task"]), "1/s"),
        "raw_cube_steps_per_s": _figure(n / statistics.median(times["bare"]), "1/s"),
        "cube_touch_share_of_raw": _figure(_ratio(times["bare"], times["task"]), "1"),
    }


def _measure_finer_physics(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Control steps of 80 ms per second, with smaller physics steps."""
    actions = draw_actions(N_WORLDS)
    works = {
        f"cube_{n}x{ms}ms_steps_per_s": CubeEpisodes(
            actions, n_substeps=n, timestep_s=ms / 1000
        )
        for n, ms in ((20, 4), (40, 2))
    }
    times = _take_turns(works, time.process_time, n_rounds)
    n_steps = N_WORLDS * N_STEPS
    return {
        name: _figure(n_steps / statistics.median(seconds), "1/s")
        for name, seconds in times.items()
    }


def _measure_flatness(n_rounds: int) -> float:
    """Cost per step of the slowest over the fastest batch.

    Each batch takes turns with one of 32 worlds, control step by control step, which
    repeats the step as often as gives the same number of steps: a slow second of the
    machine slows both.
    """
    sizes = (64, 128, 256) + ((512, 1024) if n_rounds > 3 else ())
    actions = draw_actions(N_WORLDS)[:N_STEPS_OF_FLATNESS]
    few = Copies(N_WORLDS, actions)
    medians = [1.0]
    for n_worlds in sizes:
        many = Copies(n_worlds, actions)
        n_turns = (n_rounds // 2) * min(4, max(sizes) // n_worlds)
        many_s, few_s = np.zeros(1 + n_turns), np.zeros(1 + n_turns)
        for turn in range(1 + n_turns):
            many.rewind()
            few.rewind()
            for i_step in range(len(actions)):
                many_s[turn] += many.repeat(i_step, 1)
                few_s[turn] += few.repeat(i_step, n_worlds // N_WORLDS)
        ratios = many_s / few_s
        medians.append(float(np.median(ratios[1:])))  # the first warms up
    return max(medians) / min(medians)


def _measure_threads(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Wall time of one thread over that of two, of the task and of the bare loop."""
    actions = draw_actions(N_WORLDS)
    works = {
        "one": TaskEpisodes(actions),
        "two": TaskEpisodes(actions, n_threads=2),
        "bare_one": BareEpisodes(actions),
        "bare_two": BareHalves(actions),
    }
    times = _take_turns(works, time.perf_counter, n_rounds)
    return {
        "threads_speedup": _figure(_ratio(times["one"], times["two"]), "1"),
        "raw_threads_speedup": _figure(
            _ratio(times["bare_one"], times["bare_two"]), "1"
        ),
    }


def _measure_pixels(n_rounds: int) -> dict[str, dict[str, Any]]:
    """Draw what cameras see of worlds, alone and as part of a step."""
    task: Any = make_vector_task("ReorientCube", CUBE, N_WORLDS)
    task.reset(seed=0)
    actions = draw_actions(N_WORLDS)
    for action in actions[:10]:
        task.step(action)
    everyone = np.arange(N_WORLDS)
    seconds: dict[str, list[float]] = {}
    try:
        for hand in ("meshes", "shapes"):
            config = VisionConfig(kind="rgb", height_px=128, width_px=128, hand=hand)
            eyes: Any = open_eyes(config, task.simulation)
            for _ in range(3 * n_rounds):
                start = time.process_time()
                eyes.see(everyone)
                seconds.setdefault(hand, []).append(time.process_time() - start)
            eyes.close()
    except TaskError as error:
        return {
            "rgb_frames_per_s": missing(str(error), "1/s"),
            "rgb_shapes_frames_per_s": missing(str(error), "1/s"),
            "rgb_step_share_of_pose": missing(str(error), "1"),
        }
    works = {
        "pose": CubeEpisodes(actions[:20]),
        "rgb": CubeEpisodes(actions[:20], vision="rgb"),
    }
    times = _take_turns(works, time.process_time, max(2, n_rounds // 5))
    rates = {
        hand: _figure(N_WORLDS / statistics.median(times_s), "1/s")
        for hand, times_s in seconds.items()
    }
    return {
        "rgb_frames_per_s": rates["meshes"],
        "rgb_shapes_frames_per_s": rates["shapes"],
        "rgb_step_share_of_pose": _figure(_ratio(times["pose"], times["rgb"]), "1"),
    }


def _measure_reset(name: str, n_rounds: int) -> float:
    """Processor time of one world's restart, ms."""
    task = make_vector_task(name, n_worlds=N_WORLDS)
    task.reset(seed=0)
    times = []
    for _ in range(20 * n_rounds):
        start = time.process_time()
        task.reset()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times) / N_WORLDS


def _measure_memory(name: str) -> float:
    """Resident memory of one more world, MB."""
    n_worlds = 64
    actions = draw_actions(n_worlds)
    run = TaskEpisodes if name == "Reach" else CubeEpisodes
    _exhaust(run(actions[:, :1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    episodes = run(actions)
    _exhaust(episodes)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    return (after - before) * bytes_a_unit / 1e6 / n_worlds


def _exhaust(work: Iterable[None]) -> None:
    """Run some work to its end."""
    for _ in work:
        pass


def _take_turns(
    works: Mapping[str, Iterable[None]], clock: Callable[[], float], n_rounds: int
) -> dict[str, list[float]]:
    """Time pieces of work in turn; one round, not counted, warms up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_rounds + 1):
        running = {name: iter(work) for name, work in works.items()}
        spent = dict.fromkeys(works, 0.0)
        # One turn more than there are pauses runs each generator to its end.
        for _ in range(N_STEPS // N_STEPS_A_TURN + 1):
            for name, work in running.items():
                start = clock()
                next(work, None)
                spent[name] += clock() - start
        for name, seconds in spent.items():
            times[name].append(seconds)
    return {name: seconds[1:] for name, seconds in times.items()}


def _ratio(numerators: list[float], denominators: list[float]) -> float:
    """Median over rounds of the ratio within a round."""
    return statistics.median(
        one / other for one, other in zip(numerators, denominators, strict=True)
    )


if __name__ == "__main__":
    main()
