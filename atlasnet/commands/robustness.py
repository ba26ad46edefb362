# SPDX-License-Identifier: Apache-2.0
"""The command ``atlasnet robustness``: which statements survive other choices."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from atlasnet.atlas.catalogue import Catalogue
from atlasnet.atlas.expectation import with_direction_model
from atlasnet.atlas.rules import GraphRules
from atlasnet.commands.arguments import AsJson, require_writable_folder
from atlasnet.commands.build import Body
from atlasnet.commands.console import print_json, reporting, results, side_channel
from atlasnet.commands.options import given_flags
from atlasnet.commands.selection import Atlas, Selection
from atlasnet.commands.tables import file_table, survival_table
from atlasnet.files import write_text
from atlasnet.frozen import Flag, Frozen
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.options import PlanOptions
from atlasnet.plan.planner import plan_network
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import NetworkSpec
from atlasnet.robustness.choices import chosen, variants_of
from atlasnet.robustness.experiment import experiment_text
from atlasnet.robustness.survey import Survey, survey

__all__ = ["Study", "Subject", "survey_choices"]

_TRAINED = {
    "--regions": "regions",
    "--preset": "preset",
    "--hemisphere": "hemisphere",
    "--no-blind": "is_blind",
    "--input": "inputs",
    "--action": "action",
    "--without": "without",
}
"""Flags that the config of a run has, and its key."""


class Subject(Atlas, Selection):
    """Whose statements are tested: a selection of regions, and the atlas."""


class Study(Frozen):
    """What is varied, and how the variants are trained."""

    vary: Annotated[tuple[str, ...], Flag(metavar="CHOICE...")] = ()
    """Vary these choices only: density, volume, edges, direction_model, exponent,
    floor."""
    combine: bool = False
    """Plan every combination of the changes, too."""
    base: Annotated[str, Flag(metavar="CONFIG")] = "reach"
    """Run that the experiment trains: a preset of angora-train, or a config file."""
    seeds: Annotated[str, Flag(metavar="SEEDS")] = "0-4"
    """Seeds of the experiment."""


def survey_choices(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    subject: Subject,
    rules: GraphRules,
    units: UnitRule,
    body: Body,
    plan: PlanOptions,
    study: Study,
    as_json: AsJson = False,
) -> None:
    """Plan the variants, and test every statement on each."""
    if not (subject.regions or subject.preset or subject.all_regions):
        subject = subject.model_copy(update={"preset": "fpn"})
    subject.require_one()
    choices = chosen(study.vary)
    require_writable_folder(out, "--out")
    source = subject.open()
    rules = with_direction_model(source, Catalogue(source, rules), rules)
    name = subject.preset or "network"

    def make(graph_rules: GraphRules) -> RegionGraph:
        return subject.graph(source, graph_rules)

    def planned(graph: RegionGraph, rule: UnitRule) -> NetworkSpec:
        interface = body.connect(graph, subject.preset)
        return plan_network(graph, interface, rule, body.control_step_s, name, plan)

    variants = variants_of(rules, units, choices, combine=study.combine)
    with reporting("Planning") as report:
        found = survey(
            make,
            planned,
            (rules, units),
            variants,
            lambda done, total: report("variants", done, total),
        )
    files = _write(found, out, study, _config(subject, body, plan))
    if as_json:
        print_json({"statements": [_finite(row) for row in found.summary()]})
    else:
        results().print(survival_table(found.summary()))
        results().print(file_table(files))
    for variant, reason in found.failures:
        side_channel().print(f"Not planned: {variant.name}. {reason}", markup=False)


def _write(
    found: Survey, out: Path, study: Study, network: Mapping[str, Any] | str
) -> dict[str, str]:
    """Write tables, figure and experiment, and return what each file is."""
    from atlasnet.figures.palette import save_figure
    from atlasnet.figures.robustness import plot_robustness

    write_text(out / "statements.csv", found.summary_csv())
    write_text(out / "variants.csv", found.to_csv())
    path = out / "robustness.png"
    save_figure(plot_robustness(found), path, dpi=200, bbox_inches="tight")
    files = {
        str(out / "statements.csv"): "which statements survive",
        str(out / "variants.csv"): "every statement in every variant",
        str(path): "the same, drawn",
    }
    if isinstance(network, str):
        side_channel().print(f"No experiment is written: {network}", markup=False)
        return files
    text = experiment_text(
        found,
        network,
        base=study.base,
        seeds=study.seeds,
        directory=str(out / "runs"),
    )
    path = out / "experiment.yaml"
    write_text(path, text)
    return {**files, str(path): "trains the variants: angora-train experiment"}


def _config(subject: Subject, body: Body, plan: PlanOptions) -> Mapping[str, Any] | str:
    """Return what a run's config says of the network, or why it cannot say it."""
    given = [*given_flags(subject), *given_flags(body)]
    strange = [flag for flag in given if flag not in _TRAINED]
    if strange:
        return f"a run's config has no key for {', '.join(strange)}."
    values = {**dict(subject), **dict(body), "is_blind": subject.blind}
    keys = {key: values[key] for flag, key in _TRAINED.items() if flag in given}
    own = plan.model_dump(mode="json", exclude_defaults=True)
    told = {**keys, **{f"plan.{field}": value for field, value in own.items()}}
    data: dict[str, Any] = json.loads(json.dumps(told))
    return data


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with infinity in words, which JSON does not have."""
    return {
        k: "infinite" if isinstance(v, float) and math.isinf(v) else v
        for k, v in row.items()
    }
