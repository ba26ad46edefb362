# SPDX-License-Identifier: Apache-2.0
"""Figures as every benchmark prints them: name to value and unit."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Figures", "figure", "make_parser", "missing", "present"]

Figures = Mapping[str, Mapping[str, Any]]
"""By name: ``value`` (a number or None), ``unit`` ("1" for a plain number), and where
the value is None the ``reason``."""


def figure(value: float, unit: str) -> dict[str, Any]:
    """Return a figure, to four digits.

    Parameters
    ----------
    value : float
        What was measured.
    unit : str
        Its unit; "1" for a plain number.

    Returns
    -------
    dict
        ``value`` and ``unit``.

    Examples
    --------
    >>> figure(2966.4, "1/s")
    {'value': 2966.0, 'unit': '1/s'}
    """
    return {"value": float(f"{value:.4g}"), "unit": unit}


def missing(reason: str, unit: str) -> dict[str, Any]:
    """Return a figure that could not be measured.

    Parameters
    ----------
    reason : str
        Why not, in one line.
    unit : str
        The unit that it would have had.

    Returns
    -------
    dict
        ``value`` (None), ``unit`` and ``reason``.
    """
    return {"value": None, "unit": unit, "reason": reason}


def make_parser(
    description: str, quick: str, peers_in: Path | None = None
) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has.

    Parameters
    ----------
    description : str
        What is measured.
    quick : str
        What ``--quick`` does.
    peers_in : Path, optional
        Where peers are installed by default, if they can be measured too.

    Returns
    -------
    argparse.ArgumentParser
        It knows ``--quick`` and ``--json``; with peers ``--peers`` and
        ``--peers-directory``, too.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if peers_in is not None:
        parser.add_argument(
            "--peers", action="store_true", help="measure peers too; installs them once"
        )
        parser.add_argument(
            "--peers-directory",
            type=Path,
            default=peers_in,
            metavar="FOLDER",
            help="where peers are installed; runs/peers by default",
        )
    return parser


def present(figures: Figures, *, as_json: bool) -> None:
    """Print figures.

    Parameters
    ----------
    figures : mapping of str to mapping
        By name.
    as_json : bool
        One JSON object instead of a table.
    """
    if as_json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures), default=0)
    for name, entry in figures.items():
        if entry["value"] is None:
            print(f"{name:<{width}}  not measured: {entry['reason']}")
        else:
            print(f"{name:<{width}}{entry['value']:>12.4g} {entry['unit']}")
