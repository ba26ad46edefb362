# SPDX-License-Identifier: Apache-2.0
"""Expectation: the direction that a model expects of a pathway nobody claims."""

import zlib

import numpy as np

from atlasnet.atlas.catalogue import Catalogue, Member
from atlasnet.atlas.levels import Levels, claims_that_count, fit_levels
from atlasnet.atlas.rules import GraphRules
from atlasnet.atlas.source import AtlasSource
from atlasnet.graph.direction import (
    Direction,
    DirectionRule,
    cortical_type_class,
    laminar_class,
)

__all__ = ["ExpectedDirections", "with_direction_model"]


def with_direction_model(
    source: AtlasSource, catalogue: Catalogue, rules: GraphRules
) -> GraphRules:
    """Return rules with the direction model that they mean for a source.

    Parameters
    ----------
    source : AtlasSource
        What is cited and counted.
    catalogue : Catalogue
        Its regions.
    rules : GraphRules
        If they name no model, the hierarchy is meant where citations count and it can
        be fitted to some, else the structural model.

    Returns
    -------
    GraphRules
        The same, with a model.

    Raises
    ------
    AtlasError
        If directions are to be drawn that have no probabilities.
    """
    if rules.direction_model is not None:
        return rules
    claims = claims_that_count(source.pathways(), _densities(source, catalogue))
    is_fitted = rules.cited and claims
    model = "hierarchy" if is_fitted else "structural_model"
    return GraphRules(**{**dict(rules), "direction_model": model})


class ExpectedDirections:
    """What the direction model of some rules expects.

    Parameters
    ----------
    source : AtlasSource
        What is cited and counted.
    catalogue : Catalogue
        Its regions.
    rules : GraphRules
        Which model, named, and whether directions are drawn.

    Raises
    ------
    AtlasError
        If levels are to be fitted and the atlas has nothing to fit them to.
    """

    def __init__(
        self, source: AtlasSource, catalogue: Catalogue, rules: GraphRules
    ) -> None:
        self._rules = rules
        is_fitted = rules.direction_model == "hierarchy"
        self._levels = _levels(source, catalogue) if is_fitted else None

    @property
    def rule(self) -> DirectionRule:
        """Name of the rule that decides by this model."""
        model = self._rules.direction_model
        return "structural_model" if model in (None, "none") else model

    def of(
        self, source: Member, target: Member, sln: float | None
    ) -> tuple[Direction | None, float | None]:
        """Return the class that is expected, and how probable it is.

        Parameters
        ----------
        source, target : Member
            Ends of the pathway.
        sln : float or None
            Share of upper layers that the structural model expects.

        Returns
        -------
        direction : {"feedforward", "feedback", "lateral"} or None
            None where the model cannot say.
        probability : float or None
            By the hierarchy; None of other models.
        """
        if self._levels is not None:
            return self._by_level(self._levels, source, target)
        if self._rules.direction_model == "cortical_type":
            types = source.region.cortical_type, target.region.cortical_type
            return cortical_type_class(*types), None
        if self._rules.direction_model == "none" or sln is None:
            return None, None
        return laminar_class(sln), None

    def _by_level(
        self, levels: Levels, source: Member, target: Member
    ) -> tuple[Direction | None, float | None]:
        """Return the most probable class, or one that is drawn."""
        heights = [
            levels.of(end.region.node, end.whole_density_per_mm3)
            for end in (source, target)
        ]
        if heights[0] is None or heights[1] is None:
            return None, None
        probability = levels.probabilities(heights[0], heights[1])
        direction = max(probability, key=probability.__getitem__)
        seed = self._rules.direction_sample
        if seed is not None:
            name = f"{source.region.name} -> {target.region.name}"
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            weights = np.array(list(probability.values()))
            drawn = rng.choice(len(weights), p=weights / weights.sum())
            direction = list(probability)[int(drawn)]
        return direction, probability[direction]


def _levels(source: AtlasSource, catalogue: Catalogue) -> Levels:
    """Return the levels of the hand network's nodes."""
    densities = _densities(source, catalogue)
    return fit_levels(source.pathways(), source.tracer_fractions(), densities)


def _densities(source: AtlasSource, catalogue: Catalogue) -> dict[str, float]:
    """Return the densities of the hand network's nodes, cells per mm3."""
    densities: dict[str, float] = {}
    for node in source.node_table():
        density = catalogue.composite(node.node, node.hemisphere).whole_density_per_mm3
        if density is not None:
            densities.setdefault(node.node, density)
    return densities
