# SPDX-License-Identifier: Apache-2.0
"""Names of regions: how they are compared, and which side they end in."""

import re

from atlasnet.graph.graph import Hemisphere

__all__ = ["normalised", "side_of", "without_side"]

_SIDE = re.compile(r"\s+(left|right)$", re.IGNORECASE)


def normalised(name: str) -> str:
    """Return a name without case and punctuation, in which atlas versions differ.

    Examples
    --------
    >>> normalised("TPJ (STG/SMG) left") == normalised("TPJ (STG, SMG) left")
    True
    """
    return re.sub(r"[^a-z0-9]+", " ", name.casefold()).strip()


def side_of(name: str) -> Hemisphere | None:
    """Return the hemisphere that a name ends in, or None.

    Examples
    --------
    >>> side_of("Area 4p (PreCG) left")
    'left'
    """
    found = _SIDE.search(name)
    if found is None:
        return None
    return "left" if found[1].casefold() == "left" else "right"


def without_side(name: str) -> str:
    """Return a name without the hemisphere that it ends in.

    Examples
    --------
    >>> without_side("Area 4p (PreCG) left")
    'Area 4p (PreCG)'
    """
    return _SIDE.sub("", name)
