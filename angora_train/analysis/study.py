# SPDX-License-Identifier: Apache-2.0
"""Study of a run: its areas compared and drawn, from the files of its folder."""

import json
from pathlib import Path

import pandas as pd

from angora_train.analysis.conditions import Comparison
from angora_train.analysis.figures import (
    plot_conditions,
    plot_learning,
    plot_lesions,
    plot_mds,
    plot_model_fit,
    plot_rdms,
    plot_similarity,
)
from angora_train.analysis.lesioning.groups import LesionStudy
from angora_train.analysis.recording.reader import load_recording
from angora_train.analysis.rsa.models import model_rdms
from angora_train.analysis.rsa.patterns import design_of
from angora_train.analysis.rsa.rdms import area_rdms, reliability
from angora_train.analysis.rsa.similarity import (
    compare_areas,
    compare_models,
    embed_areas,
)
from angora_train.run.metrics import read_metrics
from atlasnet import NetworkSpec, RegionGraph
from atlasnet.figures import plot_circuit, plot_glass_brain
from atlasnet.figures.palette import save_figure
from atlasnet.files import write_text

__all__ = ["study"]

_N_FOLDS_OF_HALF = 3
"""Folds in each half of the episodes, for the reliability."""
_DPI = 140


def study(directory: Path | str, *, n_phases: int = 5, n_folds: int = 5) -> None:
    """Compare the areas of a run, and draw everything.

    Parameters
    ----------
    directory : Path or str
        Holds ``graph.json``, ``network.json``, ``metrics.jsonl``,
        ``evaluation.json``, ``lesion.csv`` and ``recording.nc``. Written beside them:
        ``similarity.csv`` (areas by areas), ``model_fit.csv`` (areas by hypotheses),
        ``analysis.json`` (how it was done, and how reliable each area is) and
        ``figures/*.png``.
    n_phases : int
        Equal parts of the episode.
    n_folds : int
        Folds of cross-validation over episodes.

    Raises
    ------
    AngoraError
        If there are too few episodes of a kind of goal.
    """
    directory = Path(directory)
    recording = load_recording(directory / "recording.nc")
    design = design_of(recording, n_phases=n_phases, n_folds=n_folds)
    kinds = list(dict.fromkeys(design.conditions.kinds))
    rdms = area_rdms(recording, n_phases=n_phases, n_folds=n_folds)
    similarity = compare_areas(rdms)
    models = model_rdms(recording, n_phases=n_phases, n_folds=n_folds)
    fit = compare_models(rdms, models)
    halves = reliability(recording, n_phases=n_phases, n_folds=_N_FOLDS_OF_HALF)
    _write_table(directory / "similarity.csv", similarity)
    _write_table(directory / "model_fit.csv", fit)
    facts = {
        "n_episodes": recording.sizes["episode"],
        "n_per_kind": design.n_episodes // len(kinds),
        "kinds": kinds,
        "n_phases": n_phases,
        "n_folds": n_folds,
        "reliability_mean": float(halves.mean()),
        "reliability_min": float(halves.min()),
        "reliability_min_area": str(halves.idxmin()),
        "reliability": {str(area): float(x) for area, x in halves.items()},
    }
    write_text(directory / "analysis.json", json.dumps(facts, indent=1))
    spec = NetworkSpec.load(directory / "network.json")
    graph = RegionGraph.load(directory / "graph.json")
    systems = {region.name: region.system for region in graph.regions}
    evaluation = (directory / "evaluation.json").read_text(encoding="utf-8")
    for name, ax in {
        "glass_brain": plot_glass_brain(graph, spec),
        "circuit": plot_circuit(spec),
        "learning": plot_learning(read_metrics(directory / "metrics.jsonl"))[0],
        "conditions": plot_conditions(Comparison.from_json(evaluation))[0],
        "lesions": plot_lesions(LesionStudy.load(directory / "lesion.csv")),
        "rdms": plot_rdms(rdms, systems=systems)[0],
        "similarity": plot_similarity(similarity, systems=systems),
        "mds": plot_mds(embed_areas(similarity), systems=systems),
        "model_fit": plot_model_fit(fit, systems=systems),
    }.items():
        path = directory / "figures" / f"{name}.png"
        save_figure(ax, path, dpi=_DPI, bbox_inches="tight")


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV."""
    write_text(path, table.round(6).to_csv())
