# SPDX-License-Identifier: Apache-2.0
"""Inputs: how a network's input is named after the sensation that it reads.

As a rule an input has the sensation's name. Names that Keras does not allow, or that a
network's own parts have, are spelt out: tasks may use any name.
"""

import re

__all__ = ["input_name", "sensation_of", "spelt_out"]

_PREFIX = "sensation."
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OWN = re.compile(
    r"(action_areas|activity_cost|areas|by_area|concatenate|control_step|noise|policy"
    r"|sensations?|shared|spread|value)(_.*)?"
)
"""What layers, heads and the input of noise are called."""


def input_name(sensation: str) -> str:
    """Return the name of a network's input that reads a sensation.

    Parameters
    ----------
    sensation : str
        Its name in the task: any text but the empty one.

    Returns
    -------
    str
        The same name where nothing speaks against it; no two sensations have one.

    Examples
    --------
    >>> input_name("touch"), input_name("value"), input_name("walker/joints")
    ('touch', 'sensation.value', 'sensation.walker.2f.joints')
    """
    if _PLAIN.fullmatch(sensation) and not _OWN.fullmatch(sensation):
        return sensation
    return spelt_out(sensation)


def spelt_out(sensation: str) -> str:
    """Return a name of letters, digits, ``_`` and dots that says it is a sensation's.

    Examples
    --------
    >>> spelt_out("a/b")
    'sensation.a.2f.b'
    """
    return _PREFIX + re.sub(r"[^A-Za-z0-9_]", lambda x: f".{ord(x[0]):x}.", sensation)


def sensation_of(name: str) -> str:
    """Return the sensation that a network's input reads.

    Parameters
    ----------
    name : str
        Name of the input: the sensation's own, or what `input_name` makes of it.

    Returns
    -------
    str
        The sensation's name.

    Examples
    --------
    >>> sensation_of("sensation.walker.2f.joints"), sensation_of("touch")
    ('walker/joints', 'touch')
    """
    if not name.startswith(_PREFIX):
        return name
    spelt = name.removeprefix(_PREFIX)
    return re.sub(r"\.([0-9a-f]+)\.", lambda x: chr(int(x[1], 16)), spelt)
