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
fast_drops_per_1000, default_drops_per_1000
    Cubes dropped in 1,000 control steps under random actions, each kind of physics from
    its own settled starts.
fast_penetration_p50_mm, fast_penetration_p99_mm, default_penetration_p50_mm, ..._p99_mm
    How far the cube's deepest contact lies inside of the hand, median and 99th
    percentile over the same steps.
fast_starts_kept, default_starts_kept
    Share of the settled starts that are still held, and at rest, after another 1.6 s in
    that physics with commands that stay.
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
    What the teacher had seen by then, and its processor time: that of the preset
    `cube_hindsight` after most samples.
ppo_teacher_goals, ppo_teacher_samples, ppo_teacher_core_hours
    The same of the preset `cube_teacher`.
fpn_goals, fpn_samples, fpn_core_hours
    The same of a student of the teacher, `fpn` of 1,024 units.
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

from angora_train.tasks.hand.names import CUBE

LEARNING = Path(__file__).resolve().parent / "learning"
N_WORLDS = 256
N_STEPS = 16
"""Control steps of a round of bare physics."""
HELD = ("n_worlds=64", "ppo.minibatch_size=64")
AGENTS = {
    "teacher": "cube_hindsight",
    "ppo_teacher": "cube_teacher",
    "fpn": "cube_fpn",
}
"""Whose evaluations the figures are, by the first word of their names."""
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
    n_held = 40 if options.quick else 400
    figures = {
        **holding(n_held),
        **speeds(n_rounds, n_cycles),
        **learned(LEARNING),
    }
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


def holding(n_steps: int) -> Figures:
    """Measure how well either physics holds the cube.

    Parameters
    ----------
    n_steps : int
        Control steps of each of 64 worlds under random actions.

    Returns
    -------
    mapping of str to mapping
        Figures by name.
    """
    from angora_train.config.loading import load_config
    from angora_train.run.preparation import prepare

    found: Figures = {}
    for name in ("fast", "default"):
        changes = [f"task.options.physics_model={name}", *HELD]
        task: Any = prepare(load_config("cube_teacher", changes), range(64)).task
        drops, depths_mm = _shaken(task, n_steps)
        deep = np.quantile(depths_mm, (0.5, 0.99))
        found |= {
            f"{name}_drops_per_1000": figure(1e3 * drops / (n_steps * 64), "1"),
            f"{name}_penetration_p50_mm": figure(float(deep[0]), "mm"),
            f"{name}_penetration_p99_mm": figure(float(deep[1]), "mm"),
            f"{name}_starts_kept": figure(_kept(task), "1"),
        }
    return found


def _shaken(task: Any, n_steps: int) -> tuple[int, list[float]]:
    """Act at random; return drops, and how deep the cube lies, mm, where it touches."""
    rng = np.random.default_rng(0)
    task.reset(seed=0)
    cube = task.simulation.model.geom(CUBE).id
    drops, depths_mm = 0, []
    for _ in range(n_steps):
        actions = rng.uniform(-1.0, 1.0, task.action_space.shape)
        *_, info = task.step(actions.astype(np.float32))
        drops += int(info["dropped"].sum())
        for world in range(task.num_envs):
            contacts = task.simulation.data(world).contact
            at_cube = (contacts.geom == cube).any(axis=1)
            if at_cube.any():
                depths_mm.append(-1e3 * float(contacts.dist[at_cube].min()))
    return drops, depths_mm


def _kept(task: Any) -> float:
    """Return the share of settled starts that move by less than 4 mm in 1.6 s."""
    from angora_train.tasks.cube.held import HeldCube
    from angora_train.tasks.cube.starts import Settling, held_state, settle
    from angora_train.tasks.worlds.simulation import Simulation

    config, model = task.config, task.simulation.model
    starts = settle(Settling(config.scene, config.start_pose, config.n_starts))
    still = held_state(model)
    n_substeps = round(1.6 / model.opt.timestep)
    simulation = Simulation(model, still, len(starts), n_substeps=n_substeps)
    worlds = np.arange(len(starts))
    simulation.restore(worlds, starts)
    cube = HeldCube(simulation)
    before = cube.position.copy()
    diverged = simulation.step(np.tile(still.ctrl, (len(starts), 1)))
    moved_m = np.linalg.norm(cube.position - before, axis=1)
    is_kept = ~diverged & (moved_m < 0.004) & (cube.position[:, 2] > cube.palm[:, 2])
    return float(is_kept.mean())


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
        rows = list(csv.DictReader(file))
    found: Figures = {}
    for name, agent in AGENTS.items():
        own = [row for row in rows if row["agent"] == agent]
        if not own:
            reason = f"no evaluation of {agent} in {path.name}"
            found[f"{name}_goals"] = missing(reason, "1")
            continue
        last = max(own, key=lambda row: int(row["samples"]))
        found |= {
            f"{name}_goals": figure(float(last["goals_mean"]), "1"),
            f"{name}_samples": figure(float(last["samples"]), "1"),
            f"{name}_core_hours": figure(float(last["core_hours"]), "h"),
        }
    return found


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
