# SPDX-License-Identifier: Apache-2.0
"""Direction of a pathway: the order of processing, and its laminar type.

Tractography is symmetric, so the direction of an edge comes from elsewhere. Two
attributes are kept apart. ``direction`` is the order of processing, taken from the
cited pathways where they speak. ``sln`` is the laminar type, the share of projecting
neurons in the upper layers that the structural model expects from the two areas'
densities. Premotor cortex precedes M1 in function, for instance, while the laminar
origin of its pathways is not that of a feedforward one.

Order of the rules, for the pathway s -> t:

1. s -> t is cited: the cited class.
2. The structural model's class, unless a citation of t -> s contradicts it. If
   t -> s is cited as feedforward then s -> t cannot be feedforward too, and if it is
   cited as feedback then s -> t cannot be feedback too. A contradicted pathway becomes
   lateral: the citation denies the order that the model expects, but nobody has
   claimed the opposite one. A t -> s cited as lateral contradicts nothing.
3. Lateral, if a density is unknown.
"""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "DIRECTIONS",
    "DIRECTION_RULES",
    "Decision",
    "Direction",
    "DirectionRule",
    "decide_direction",
    "laminar_class",
    "structural_sln",
]

Direction = Literal["feedforward", "feedback", "lateral"]
DirectionRule = Literal["cited", "structural_model", "none"]
DIRECTIONS: tuple[Direction, ...] = ("feedforward", "feedback", "lateral")
DIRECTION_RULES: tuple[DirectionRule, ...] = ("cited", "structural_model", "none")

# Probit fit to retrograde tracing in macaques (Schmidt et al. 2018, Brain Struct
# Funct 223:1409), used unchanged for the human by Pronold et al. 2024.
_INTERCEPT = -0.152
_SLOPE = -1.534
# Class limits of the same papers.
_FEEDFORWARD_ABOVE = 0.65
_FEEDBACK_BELOW = 0.35


@dataclass(frozen=True, slots=True)
class Decision:
    """The direction class of a pathway and the rule that decided it."""

    direction: Direction
    rule: DirectionRule
    is_contradicted: bool = False
    """True where a citation of the opposite pathway overruled the structural model."""


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
    Schmidt et al. (2018), A multi-scale layer-resolved spiking network model of
    resting-state dynamics in macaque visual cortical areas, Brain Struct Funct
    223:1409.

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


def decide_direction(
    cited: Direction | None, cited_opposite: Direction | None, sln: float | None
) -> Decision:
    """Decide the direction class of a pathway by the rules of this module.

    Parameters
    ----------
    cited : {"feedforward", "feedback", "lateral"} or None
        Class that the literature gives this pathway.
    cited_opposite : {"feedforward", "feedback", "lateral"} or None
        Class that the literature gives the opposite pathway.
    sln : float or None
        SLN that the structural model expects, in [0, 1].

    Returns
    -------
    Decision
        The class and its rule.

    Examples
    --------
    >>> decide_direction(None, "feedforward", 0.9)
    Decision(direction='lateral', rule='cited', is_contradicted=True)
    """
    if cited is not None:
        return Decision(cited, "cited")
    if sln is None:
        return Decision("lateral", "none")
    expected = laminar_class(sln)
    if expected != "lateral" and expected == cited_opposite:
        return Decision("lateral", "cited", is_contradicted=True)
    return Decision(expected, "structural_model")
