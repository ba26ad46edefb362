# SPDX-License-Identifier: Apache-2.0
"""The cube in fast physics: what a second holds, and how far its teacher is.

``python benchmarks/cube.py [--quick] [--json]``

Speeds are of whole training runs through the command line, two MPI ranks, medians over
cycles without the first two. What is compared takes turns, so that a busy machine slows
both alike. Learning figures are read from the evaluations that are committed as a run
goes on, ``benchmarks/learning/cube_evaluations.csv``: nothing learns here.

Figures
-------
fast_physics_vs_default
    Control steps per second of `mujoco.mj_step` alone, which repeats what 256 worlds
    did under random actions, one core: ``physics_model`` fast over default, median of
    alternated rounds.
fast_steps_per_s, default_steps_per_s
    These two, medians.
teacher_share_of_fast_physics
    Samples per second of the teacher's preset with learning, two ranks, over twice
    `fast_steps_per_s` measured before and after.
teacher_steps_per_s
    The samples.
fpn_fast_vs_default, fpn_gathering_fast_vs_default
    Samples per second of the same `fpn` of 1,024 units in fast over default physics,
    two ranks, alternated; with learning, and gathering alone.
teacher_goals
    Goals of an episode by the task's own rule: full range, default physics, the most
    probable action; mean of 480 episodes.
teacher_samples, teacher_core_hours
    What the teacher had seen by then, and its processor time.
"""

import csv
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figures, figure, make_parser, missing, present
from repeated import Physics, Record
from trainings import train

LEARNING = Path(__file__).resolve().parent / "learning"
N_WORLDS = 256
N_STEPS = 16
"""Control steps of a round of bare physics."""
TEACHER = ("n_worlds=2048", "ppo.minibatch_size=8192")
FPN = (
    "task.options.touch=false",
    "network.without=[touch]",
    "network.units.total=1024",
    "n_worlds=64",
    "ppo.horizon=80",
    "ppo.minibatch_size=2560",
)


def main() -> None:
    """Measure and print."""
    options = make_parser(
        "The cube in fast physics.", "fewer rounds and cycles"
    ).parse_args()
    n_rounds, n_cycles = (3, 4) if options.quick else (9, 6)
    figures = {**speeds(n_rounds, n_cycles), **learned(LEARNING)}
    present(figures, as_json=options.json)


def speeds(n_rounds: int, n_cycles: int) -> Figures:
    """Measure speeds.

    Parameters
    ----------
    n_rounds : int
        Rounds of bare physics, each with both models.
    n_cycles : int
        Cycles of a training run, two of which compile.

    Returns
    -------
    mapping of str to mapping
        Figures by name.
    """
    physics = {name: _bare_physics(name) for name in ("fast", "default")}
    rounds = _alternated(physics, n_rounds)
    teacher = train(2, "cube_teacher", [*TEACHER, f"n_cycles={n_cycles}"])
    again = _alternated({"fast": physics["fast"]}, n_rounds)
    fast = statistics.median(rounds["fast"] + again["fast"])
    per_s = _median(teacher, "time/steps_per_s")
    fpn = _alternated_fpn(n_cycles)
    return {
        "fast_physics_vs_default": figure(_ratio(rounds), "1"),
        "fast_steps_per_s": figure(statistics.median(rounds["fast"]), "1/s"),
        "default_steps_per_s": figure(statistics.median(rounds["default"]), "1/s"),
        "teacher_steps_per_s": figure(per_s, "1/s"),
        "teacher_share_of_fast_physics": figure(per_s / (2.0 * fast), "1"),
        **{name: figure(value, "1") for name, value in fpn.items()},
    }


def learned(folder: Path) -> Figures:
    """Read what the teacher has learned from what is committed.

    Parameters
    ----------
    folder : Path
        Holds ``cube_evaluations.csv``.

    Returns
    -------
    mapping of str to mapping
        Figures by name; of the evaluation after most samples.
    """
    path = folder / "cube_evaluations.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["agent"] == "teacher"]
    if not rows:
        reason = f"no evaluation of the teacher in {path.name}"
        return {"teacher_goals": missing(reason, "1")}
    last = max(rows, key=lambda row: int(row["samples"]))
    return {
        "teacher_goals": figure(float(last["goals_mean"]), "1"),
        "teacher_samples": figure(float(last["samples"]), "1"),
        "teacher_core_hours": figure(float(last["core_hours"]), "h"),
    }


def _bare_physics(physics_model: str) -> Callable[[], float]:
    """Return what repeats a task's physics and nothing else, and tells steps per s."""
    from angora_train.config.loading import load_config
    from angora_train.run.preparation import prepare

    changes = [f"task.options.physics_model={physics_model}", f"n_worlds={N_WORLDS}"]
    task: Any = prepare(load_config("cube_teacher", changes), range(N_WORLDS)).task
    rng = np.random.default_rng(0)
    task.reset(seed=0)

    def act() -> None:
        for _ in range(N_STEPS):
            actions = rng.uniform(-1.0, 1.0, task.action_space.shape)
            task.step(actions.astype(np.float32))

    act()  # under way, not at rest
    record = Record(task)
    act()
    physics = Physics(task, record)
    return lambda: N_STEPS * N_WORLDS / physics.repeat()


def _alternated(
    works: dict[str, Callable[[], float]], n_rounds: int
) -> dict[str, list[float]]:
    """Do works in turn; return what they tell, without the first round."""
    told: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_rounds + 1):
        for name, work in works.items():
            told[name].append(work())
    return {name: values[1:] for name, values in told.items()}


def _alternated_fpn(n_cycles: int) -> dict[str, float]:
    """Train the same network in both kinds of physics, in turn."""
    ratios: dict[str, list[float]] = {"steps": [], "gathering": []}
    for _ in range(2):
        found = {}
        for name in ("default", "fast"):
            changes = [*FPN, f"task.options.physics_model={name}"]
            found[name] = train(2, "cube", [*changes, f"n_cycles={n_cycles}"])
        for part, key in (
            ("steps", "time/steps_per_s"),
            ("gathering", "time/gathering_steps_per_s"),
        ):
            fast, slow = (_median(found[k], key) for k in ("fast", "default"))
            ratios[part].append(fast / slow)
    return {
        "fpn_fast_vs_default": statistics.median(ratios["steps"]),
        "fpn_gathering_fast_vs_default": statistics.median(ratios["gathering"]),
    }


def _median(rows: Any, key: str) -> float:
    return statistics.median(row[key] for row in rows)


def _ratio(rounds: dict[str, list[float]]) -> float:
    """Return the median over rounds of fast over default."""
    pairs = zip(rounds["fast"], rounds["default"], strict=True)
    return statistics.median(fast / slow for fast, slow in pairs)


if __name__ == "__main__":
    main()
