# SPDX-License-Identifier: Apache-2.0
"""Report: a run's network, training, evaluation and analysis as one HTML file.

Everything is read from the run's folder, and pictures are embedded: the file can be
sent and opened anywhere.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from statistics import median_high
from typing import Any

import jinja2

from angora_train.analysis.conditions import CONDITIONS, EXPECTED_ACTION, Comparison
from angora_train.analysis.intervals import Interval
from angora_train.analysis.lesioning.groups import LesionStudy
from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import AngoraError
from angora_train.run.metrics import read_metrics
from angora_train.run.versions import installed_versions
from atlasnet import NetworkSpec, RegionGraph, UnitRule
from atlasnet.files import write_text

__all__ = ["FIGURES", "write_report"]

FIGURES = (
    "glass_brain",
    "circuit",
    "learning",
    "conditions",
    "lesions",
    "rdms",
    "similarity",
    "mds",
    "model_fit",
)
"""Pictures that a report shows: ``figures/<name>.png`` in the run's folder."""

_ANALYSIS = "analysis.json"
_LESIONS = "lesion.csv"


def write_report(
    directory: Path | str,
    times: Mapping[str, float] | None = None,
    no_pictures: str = "",
) -> Path:
    """Write ``report.html`` from what a run's folder holds.

    Parameters
    ----------
    directory : Path or str
        Holds ``graph.json``, ``network.json``, ``config.yaml``, ``metrics.jsonl``,
        ``evaluation.json``, ``lesion.csv``, ``analysis.json`` and the pictures
        :data:`FIGURES`. Pictures of the hand, ``figures/hand.png`` and
        ``figures/hand.webp``, are shown where they are there.
    times : mapping of str to float, optional
        Time of each stage, in s, by its title.
    no_pictures : str
        Why there are no pictures of the hand.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    AngoraError
        If something is missing: with what makes it.
    """
    directory = Path(directory)
    found = _read(directory)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("angora_train.analysis", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["interval"] = Interval.text
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    text = environment.get_template("report.html").render(
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        times=times or {},
        versions=installed_versions(),
        sources=_sources(),
        hand=_hand(directory),
        no_pictures=no_pictures or "None were made.",
        **found,
    )
    path = directory / "report.html"
    write_text(path, text)
    return path


def _read(directory: Path) -> dict[str, Any]:
    """Read what a report says of a run's folder; say what is missing."""
    needed = [
        "graph.json",
        "network.json",
        "config.yaml",
        "metrics.jsonl",
        "evaluation.json",
        _LESIONS,
        _ANALYSIS,
        *(f"figures/{name}.png" for name in FIGURES),
    ]
    missing = [name for name in needed if not (directory / name).is_file()]
    if missing:
        raise AngoraError(
            f"'{directory}' lacks {', '.join(missing)}: a report needs the whole line. "
            "Run: angora-train demo"
        )
    evaluation = (directory / "evaluation.json").read_text(encoding="utf-8")
    analysis = (directory / _ANALYSIS).read_text(encoding="utf-8")
    graph = RegionGraph.load(directory / "graph.json")
    spec = NetworkSpec.load(directory / "network.json")
    comparison = Comparison.from_json(evaluation)
    config = load_config(str(directory / "config.yaml"))
    return {
        "graph": graph,
        "spec": spec,
        "areas": _area_rows(graph, spec),
        "units": _unit_facts(graph, spec),
        "vision": _vision(spec, config),
        "body": _body(spec, comparison),
        "pathways": _pathway_facts(graph, spec),
        "lesions": LesionStudy.load(directory / _LESIONS),
        "config": config,
        "training": _training(spec, read_metrics(directory / "metrics.jsonl")),
        "comparison": comparison,
        "conditions": _condition_rows(comparison),
        "expected": comparison.summaries[EXPECTED_ACTION],
        "analysis": json.loads(analysis),
        "pictures": {
            name: _embedded(directory / "figures" / f"{name}.png") for name in FIGURES
        },
    }


def _embedded(path: Path, kind: str = "png") -> str:
    """Return a picture as a data address."""
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def _hand(directory: Path) -> dict[str, str]:
    """Return the pictures of the hand that there are: ``still`` and ``film``."""
    found = {"still": ("hand.png", "png"), "film": ("hand.webp", "webp")}
    return {
        key: _embedded(directory / "figures" / name, kind)
        for key, (name, kind) in found.items()
        if (directory / "figures" / name).is_file()
    }


def _shares(graph: RegionGraph, spec: NetworkSpec) -> dict[str, float]:
    """Return the units that areas without a map would have without a floor."""
    rule = UnitRule.read(spec.provenance.get("unit_rule", ""))
    cells = {
        area.name: graph.region(area.name).cell_count
        for area in spec.areas
        if area.map is None
    }
    if rule is None or not all(cells.values()):
        return {}
    powers = {name: float(x or 0) ** rule.exponent for name, x in cells.items()}
    whole = sum(powers.values())
    return {name: rule.total * x / whole for name, x in powers.items()}


def _unit_facts(graph: RegionGraph, spec: NetworkSpec) -> dict[str, Any]:
    """Return how far unit counts follow cell counts."""
    rule = UnitRule.read(spec.provenance.get("unit_rule", ""))
    shares = _shares(graph, spec)
    floor = rule.floor if rule else 0
    return {
        "rule": rule,
        "n_areas": len(spec.areas),
        "at_floor": spec.areas_at_floor,
        "n_raised": sum(shares.get(x, floor) < floor for x in spec.areas_at_floor),
        "has_maps": any(area.map is not None for area in spec.areas),
    }


def _vision(spec: NetworkSpec, config: RunConfig) -> str:
    """Say what the sensation of the name vision is; nothing where there is none."""
    for entry in spec.inputs:
        if entry.name != "vision":
            continue
        if entry.image is not None:
            return f"pixels, {entry.image}"
        if entry.name in config.network.streams:
            return f"{entry.size} features that another network makes of pixels"
        return f"a pose, {entry.size} numbers that tell where things are: no pixels"
    return ""


def _body(spec: NetworkSpec, comparison: Comparison) -> dict[str, Any]:
    """Return the numbers of the body and of an episode."""
    longest = max(int(x.n_steps.max()) for x in comparison.episodes.values())
    return {
        "n_actuators": len(comparison.posture),
        "n_touch": next((x.size for x in spec.inputs if x.name == "touch"), 0),
        "episode_s": longest * spec.control_step_s,
    }


def _pathway_facts(graph: RegionGraph, spec: NetworkSpec) -> dict[str, Any]:
    """Return how many pathways there are, of which kind."""
    left_out = graph.metadata.get("left_out_pathways", [])
    return {
        "n": len(spec.pathways),
        "n_within": sum(pathway.lag == 0 for pathway in spec.pathways),
        "n_without_tract": sum(not x.streamline_count for x in spec.pathways),
        "n_left_out": len(left_out) if isinstance(left_out, list) else 0,
        "rules": Counter(
            pathway.direction_rule.replace("_", " ") for pathway in spec.pathways
        ).most_common(),
        "null_model": graph.metadata.get("null_model"),
    }


def _area_rows(graph: RegionGraph, spec: NetworkSpec) -> list[dict[str, Any]]:
    """Return a row an area, in the order in which areas are computed."""
    rows, shares = [], _shares(graph, spec)
    poses = {entry.name for entry in spec.inputs if entry.is_pose}
    for area in spec.areas:
        region = graph.region(area.name)
        rows.append(
            {
                "name": area.name,
                "n_units": area.n_units,
                "is_at_floor": area.name in spec.areas_at_floor,
                "share": shares.get(area.name),
                "cell": area.cell,
                "sensations": ", ".join(
                    f"{name} (no pixels)" if name in poses else name
                    for name in spec.sensations(area.name)
                ),
                "drives": "action" if area.name in spec.action_areas else "",
                "volume": region.volume_mm3,
                "density": region.cell_density_per_mm3,
                "rule": (region.cell_density_rule or "").replace("_", " "),
                "cells": region.cell_count,
            }
        )
    return rows


def _training(spec: NetworkSpec, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how much was learned from, how fast."""
    speeds = ("steps_per_s", "gathering_steps_per_s")
    return {
        "n_cycles": len(metrics),
        "samples": metrics[-1]["samples"],
        "simulated_h": metrics[-1]["samples"] * spec.control_step_s / 3600,
        **{key: median_high(row[f"time/{key}"] for row in metrics) for key in speeds},
    }


def _condition_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row a condition, and whether the trained agent is better."""
    rows = []
    for name in (*CONDITIONS, EXPECTED_ACTION):
        summary = comparison.summaries[name]
        loss = summary.loss_of_return
        verdict = ""
        if loss is not None and name != EXPECTED_ACTION:
            verdict = "yes" if loss.low > 0 else "no" if loss.high < 0 else "undecided"
        rows.append({"name": name, "summary": summary, "is_beaten": verdict})
    return rows


def _sources() -> list[dict[str, str]]:
    """Return source and licence of each table of the snapshot."""
    manifest = (files("atlasnet.data") / "manifest.json").read_text(encoding="utf-8")
    return [
        {"name": name, "source": entry["source"], "licence": entry["licence"]}
        for name, entry in json.loads(manifest)["files"].items()
    ]
