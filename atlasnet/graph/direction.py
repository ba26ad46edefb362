# SPDX-License-Identifier: Apache-2.0
"""Direction of a pathway: the order of processing, and its laminar type.

Tractography is symmetric, so the direction of an edge comes from elsewhere. Two
attributes are kept apart. ``direction`` is the order of processing, taken from the
cited pathways where they speak. ``sln`` is the laminar type, the share of projecting
neurons in the upper layers that the structural model expects from the two areas'
densities. Premotor cortex precedes M1 in function, for instance, while the laminar
origin of its pathways is not that of a feedforward one.

Order of the rules, for the pathway s -> t:

1. s -> t is claimed, by a user's table or else by a citation: the claimed class.
2. The class that a model expects, the structural model by default, the cortical types
   or the fitted hierarchy (:mod:`atlasnet.atlas.levels`), unless a claim about t -> s
   contradicts it. If t -> s is claimed to be feedforward then s -> t cannot be
   feedforward too, and if it is claimed to be feedback then s -> t cannot be feedback
   too. A contradicted pathway becomes lateral: the claim denies the order that the
   model expects, but nobody has claimed the opposite one. A t -> s claimed to be
   lateral contradicts nothing.
3. Lateral, if what the model needs is unknown.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "CORTICAL_TYPES",
    "DIRECTIONS",
    "DIRECTION_RULES",
    "Decision",
    "Direction",
    "DirectionRule",
    "cortical_type_class",
    "decide",
    "laminar_class",
    "structural_sln",
]

Direction = Literal["feedforward", "feedback", "lateral"]
DirectionRule = Literal[
    "cited",
    "structural_model",
    "none",
    "table",
    "cortical_type",
    "hierarchy",
    "null_model",
    "merged",
]
DIRECTIONS: tuple[Direction, ...] = ("feedforward", "feedback", "lateral")
DIRECTION_RULES: tuple[DirectionRule, ...] = get_args(DirectionRule)

CORTICAL_TYPES = ("ALO", "AG", "DG", "EU1", "EU2", "EU3", "KO")
"""Cortical types from the least to the most differentiated lamination."""

# Probit fit to retrograde tracing in macaques (Schmidt et al. 2018, Brain Struct
# Funct 223:1409), used unchanged for the human by Pronold et al. 2024.
_INTERCEPT = -0.152
_SLOPE = -1.534
# Class limits of the same papers.
_FEEDFORWARD_ABOVE = 0.65
_FEEDBACK_BELOW = 0.35

Claim = tuple[Direction, DirectionRule]
"""A class, and whether a table or the literature claims it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The direction class of a pathway and the rule that decided it."""

    direction: Direction
    rule: DirectionRule
    is_contradicted: bool = False
    """True where a claim about the opposite pathway overruled the model."""


def structural_sln(source_per_mm3: float, target_per_mm3: float) -> float:
    """Return the share of upper-layer neurons that the structural model expects.

    Parameters
    ----------
    source_per_mm3, target_per_mm3 : float
        Cell densities of the two areas in cells per mm3.

    Returns
    -------
    float
        SLN, the supragranular share of labelled neurons, in [0, 1].

    References
    ----------
    Schmidt et al. (2018), Multi-scale account of the network structure of macaque
    visual cortex, Brain Struct Funct 223:1409.

    Examples
    --------
    >>> round(structural_sln(103_076.2, 88_214.3), 2)  # V1 -> V2
    0.53
    """
    x = _INTERCEPT + _SLOPE * math.log(target_per_mm3 / source_per_mm3)
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def laminar_class(sln: float) -> Direction:
    """Return the direction class of a pathway with that SLN.

    Parameters
    ----------
    sln : float
        Share of projecting neurons in the upper layers, in [0, 1].

    Returns
    -------
    {"feedforward", "feedback", "lateral"}
        Feedforward above 0.65, feedback below 0.35, else lateral.

    Examples
    --------
    >>> laminar_class(0.7), laminar_class(0.65), laminar_class(0.2)
    ('feedforward', 'lateral', 'feedback')
    """
    if sln > _FEEDFORWARD_ABOVE:
        return "feedforward"
    return "feedback" if sln < _FEEDBACK_BELOW else "lateral"


def decide(
    claim: Claim | None,
    opposite: Claim | None,
    expected: Direction | None,
    model: DirectionRule,
) -> Decision:
    """Decide the direction class of a pathway from claims and a model's expectation.

    Parameters
    ----------
    claim : (direction, rule) or None
        What a table or the literature says of this pathway.
    opposite : (direction, rule) or None
        What it says of the opposite pathway.
    expected : {"feedforward", "feedback", "lateral"} or None
        Class that the model expects, None where it cannot say.
    model : {"structural_model", "cortical_type", "hierarchy"}
        The model.

    Returns
    -------
    Decision
        The class and its rule.

    Examples
    --------
    >>> decide(None, ("feedforward", "table"), "feedforward", "cortical_type")
    Decision(direction='lateral', rule='table', is_contradicted=True)
    """
    if claim is not None:
        return Decision(*claim)
    if expected is None:
        return Decision("lateral", "none")
    if opposite is not None and expected != "lateral" and expected == opposite[0]:
        return Decision("lateral", opposite[1], is_contradicted=True)
    return Decision(expected, model)


def cortical_type_class(source: str | None, target: str | None) -> Direction | None:
    """Return the direction class that two cortical types let expect.

    Projections from better to less differentiated cortex start in the upper layers,
    as feedforward ones do, and the reverse ones in the deep layers (Barbas 1986;
    Garcia-Cabezas et al. 2019). Types are ranked as in `CORTICAL_TYPES`.

    Parameters
    ----------
    source, target : str or None
        Cortical types; several, of the parts of a region, are joined by ``;`` and
        count as the mean of their ranks.

    Returns
    -------
    {"feedforward", "feedback", "lateral"} or None
        Feedforward or feedback if the ranks are at least 1 apart, else lateral; None
        if a type is unknown.

    References
    ----------
    Barbas (1986), Pattern in the laminar origin of corticocortical connections, J
    Comp Neurol 252:415. Garcia-Cabezas et al. (2019), The Structural Model: a theory
    linking connections, plasticity, pathology, development and evolution of the
    cerebral cortex, Brain Struct Funct 224:985.

    Examples
    --------
    >>> cortical_type_class("KO", "EU3"), cortical_type_class("EU2;EU3", "EU3")
    ('feedforward', 'lateral')
    """
    ranks = [_type_rank(kind) for kind in (source, target)]
    if ranks[0] is None or ranks[1] is None:
        return None
    difference = ranks[0] - ranks[1]
    if abs(difference) < 1.0:
        return "lateral"
    return "feedforward" if difference > 0 else "feedback"


def _type_rank(kinds: str | None) -> float | None:
    """Return the mean rank of cortical types; None if one is unknown."""
    if not kinds:
        return None
    listed = kinds.split(";")
    if not set(listed) <= set(CORTICAL_TYPES):
        return None
    return sum(map(CORTICAL_TYPES.index, listed)) / len(listed)
