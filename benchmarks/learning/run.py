# SPDX-License-Identifier: Apache-2.0
"""Learning: what the trainer reaches on environments whose returns are known.

``python benchmarks/learning/run.py [NAME ...] [--seeds 0-2] [--quick] [--json]``

Each YAML file beside this script is one environment. A run is made for every seed,
goes on where it was interrupted, and is left out where it is done already; then the
last checkpoint plays 100 seeded episodes, deterministically: with the most likely
action. What is there is written into ``results.json``, ``README.md`` and
``curves.png`` after every environment. ``--quick`` makes no runs and evaluates none,
but writes the page anew.

Figures, one an environment
---------------------------
<name>_return
    Interquartile mean of the returns of the episodes of all seeds (Agarwal et al. 2021,
    Deep reinforcement learning at the edge of the statistical precipice,
    https://arxiv.org/abs/2108.13264), with a 95 % interval: bootstrap over episodes
    within seeds.

Beside them stands what others published, see ``published.json``.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from published import (
    Results,
    cell,
    draw,
    handles,
    read_published,
    source_list,
    widest,
)
from scipy import stats

from angora_train.analysis.figures import plot_group
from angora_train.analysis.group import Group, read_group, seed_folder
from angora_train.config.experiment import parse_seeds
from atlasnet.files import replacing, write_text

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PUBLISHED = HERE / "published.json"
N_EPISODES = 100
EVALUATION_SEED = 10_000
N_RESAMPLES = 2_000
OURS, GOAL = "#0072B2", "#555555"

GOALS: dict[str, tuple[str, float]] = {
    "cartpole": (">=", 475.0),
    "cartpole_memory": (">=", 475.0),
    "cartpole_no_memory": ("<", 475.0),
    "pendulum": (">=", -250.0),
    "pendulum_memory": (">=", -300.0),
    "pendulum_no_memory": ("<", -300.0),
    "acrobot": (">=", -90.0),
    "lunar_lander": (">=", 200.0),
    "lunar_lander_continuous": (">=", 200.0),
    "inverted_pendulum": (">=", 950.0),
    "reacher": (">=", -6.0),
    "hopper": (">=", 2000.0),
    "half_cheetah": (">=", 1500.0),
    "walker2d": (">=", 2500.0),
}
"""What is asked for, in the order of the page; without memory the task must fail."""


def main() -> None:
    """Train, evaluate and write what is there."""
    parser = argparse.ArgumentParser(description="What the trainer learns.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--seeds", default="0-2", help="as 0-2 or 0,3")
    parser.add_argument("--quick", action="store_true", help="make no runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(GOALS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(GOALS)}")
    results = _read()
    if not options.quick:
        for name in options.names or GOALS:
            results[name] = _measure(name, parse_seeds(options.seeds))
            _write(results)
    _write(results)
    if options.json:
        print(json.dumps(_figures(results)))
        return
    for name, figure in _figures(results).items():
        print(f"{name:<34}{figure['value']:>10.4g}")


def _read() -> dict[str, Any]:
    """Return the results that are there."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def _directory(name: str) -> Path:
    """Return the folder of an environment's runs."""
    text = (HERE / f"{name}.yaml").read_text(encoding="utf-8")
    return Path(yaml.safe_load(text)["directory"])


def _measure(name: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Make the runs of an environment and evaluate each."""
    command = [sys.executable, "-m", "angora_train.commands.app"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    listed = ",".join(map(str, seeds))
    config = str(HERE / f"{name}.yaml")
    train = [*command, "run", config, "--seeds", listed]
    subprocess.run(train, env=environment, check=True)
    directory = _directory(name)
    runs = {}
    for seed in seeds:
        folder = seed_folder(directory, seed)
        out = folder / "evaluation"
        play = [*command, "evaluate", str(folder), "--which", "last"]
        play += ["--choice", "most_likely", "--episodes", str(N_EPISODES)]
        play += ["--seed", str(EVALUATION_SEED), "--out", str(out), "--json"]
        subprocess.run(play, env=environment, check=True, stdout=subprocess.DEVNULL)
        told = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
        returns = np.load(out / "returns.npy")
        runs[str(seed)] = {
            "returns": [float(f"{x:.6g}") for x in returns.tolist()],
            "mean": told["return"]["mean"],
        }
    group = read_group(directory)
    state = seed_folder(directory, seeds[0]) / "checkpoints"
    folder = state / (state / "last").read_text(encoding="utf-8").strip()
    progress = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return {
        "samples": int(progress["samples"]),
        "runs": runs,
        "curve": {
            "samples": _thin(group.samples).tolist(),
            "returns": [
                [None if math.isnan(x) else float(f"{x:.5g}") for x in _thin(row)]
                for row in group.returns
            ],
        },
        "versions": progress["versions"],
        "date": datetime.now(UTC).date().isoformat(),
    }


def _thin(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return at most a hundred values, means of neighbours."""
    parts = np.array_split(values, min(100, len(values)))
    return np.array(
        [np.nan if np.isnan(p).all() else float(np.nanmean(p)) for p in parts]
    )


def _summary(result: dict[str, Any]) -> tuple[float, float, float]:
    """Return the interquartile mean of all episodes, and its interval."""
    rows = np.array([run["returns"] for run in result["runs"].values()])
    rng = np.random.default_rng(0)
    drawn = [
        np.concatenate([rng.choice(row, len(row)) for row in rows])
        for _ in range(N_RESAMPLES)
    ]
    means = [stats.trim_mean(sample, 0.25) for sample in drawn]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(stats.trim_mean(rows.ravel(), 0.25)), float(low), float(high)


def _figures(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures as benchmarks report them."""
    return {
        f"{name}_return": {"value": round(_summary(results[name])[0], 3), "unit": "1"}
        for name in GOALS
        if name in results
    }


def _write(results: dict[str, Any]) -> None:
    """Write results, page and figure."""
    write_text(RESULTS, json.dumps(results, indent=None, separators=(",", ":")) + "\n")
    published = read_published(PUBLISHED)
    lines = [
        "# Learning",
        "",
        "What `run.py` beside this page measured: deterministic evaluation of the",
        f"last checkpoint, {N_EPISODES} episodes a seed, interquartile mean over all",
        "episodes and its 95 % bootstrap interval. The lines without memory have to",
        "fail: they show that what is hidden is needed.",
        "",
        "| environment | control steps | asked for | reached | seeds | mean of each "
        "| published |",
        "|---|---:|---:|---:|---:|---|---|",
        *(_row(name, results, published) for name in GOALS),
        "",
        "Published: return of an episode at the last step that is published, or the",
        "last within one million control steps, in brackets; then whose. Versions of",
        "the environments, evaluation and settings differ from ours: for orientation.",
        "",
        *source_list(published),
        "",
        "![returns of training episodes, ours and published ones](curves.png)",
        "",
        "Blue: ours, returns of training episodes, whose actions are drawn at random;",
        "thin lines are single seeds, the band is the 95 % interval of their mean.",
        "Dashed: published curves, means over runs. Diamonds: published values without",
        "a curve. Dotted: what is asked for.",
        "",
    ]
    known = [result["versions"] for result in results.values()]
    if known:
        newest = max(result["date"] for result in results.values())
        packages = ("backend", "atlasnet", "gymnasium", "jax", "keras", "mujoco")
        told = ", ".join(f"{p} {known[0][p]}" for p in packages if p in known[0])
        lines += [f"{newest}; one core a run; {told}.", ""]
    write_text(HERE / "README.md", "\n".join(lines))
    _draw(results, published)


def _row(name: str, results: dict[str, Any], published: Results) -> str:
    """Return an environment's row of the table."""
    sign, goal = GOALS[name]
    theirs = cell(published.get(name, ()))
    if name not in results:
        return f"| [{name}]({name}.yaml) | | {sign} {goal:g} | not run | | | {theirs} |"
    result = results[name]
    mean, low, high = _summary(result)
    means = ", ".join(f"{run['mean']:.4g}" for run in result["runs"].values())
    is_met = mean >= goal if sign == ">=" else mean < goal
    return (
        f"| [{name}]({name}.yaml) | {result['samples']:,} | {sign} {goal:g} | "
        f"{mean:.4g} [{low:.4g}, {high:.4g}]{'' if is_met else ' (not met)'} | "
        f"{len(result['runs'])} | {means} | {theirs} |"
    )


def _draw(results: dict[str, Any], published: Results) -> None:
    """Draw the learning curves of all environments."""
    shown = [name for name in GOALS if name in results]
    if not shown:
        return
    n_rows = -(-len(shown) // 4)
    figure = Figure(figsize=(14, 2.7 * n_rows + 0.4), layout="constrained")
    axes = figure.subplots(n_rows, 4, squeeze=False).ravel()
    for ax, name in zip(axes, shown, strict=False):
        curve = results[name]["curve"]
        rows = [[math.nan if x is None else x for x in row] for row in curve["returns"]]
        seeds = tuple(map(int, results[name]["runs"]))
        plot_group(Group(seeds, np.array(curve["samples"]), np.array(rows)), ax)
        ax.axhline(GOALS[name][1], color=GOAL, linewidth=1.0, linestyle=":")
        theirs = published.get(name, ())
        draw(theirs, ax, widest(results[name]["samples"], theirs))
        ax.set_title(name.replace("_", " "), loc="left", fontsize=10)
        ax.set_xlabel("")
    for ax in axes[len(shown) :]:
        ax.remove()
    figure.supxlabel("control steps of all worlds", fontsize=9)
    ours = Line2D([], [], color=OURS, linewidth=1.6, label="ours")
    goal = Line2D([], [], color=GOAL, linestyle=":", label="asked for")
    legend = [ours, *handles(published), goal]
    figure.legend(handles=legend, loc="outside upper left", ncols=5, frameon=False)
    with replacing(HERE / "curves.png") as path:
        figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
