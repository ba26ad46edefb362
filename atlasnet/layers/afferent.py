# SPDX-License-Identifier: Apache-2.0
"""Afferent: one source of an area's drive, and what is decided about its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasnet.layers.dynamics import Dynamics
from atlasnet.layers.wiring import Wiring
from atlasnet.plan.spec import AreaSpec, NetworkSpec, PathwaySpec, StrengthUse

__all__ = ["DRIVING_SHARE", "Afferent", "afferents_by_area"]

DRIVING_SHARE = 0.8
"""Share of a unit's first drive that comes from sensations and pathways of its step
together. Feedback, lateral and own activity modulate what these drive (Sherman &
Guillery 1998, PNAS 95:7121). The number is ours."""


@dataclass(frozen=True)
class Afferent:
    """One source of an area's drive, and what is decided about its weights.

    Attributes
    ----------
    n_columns : int
        Units or channels of the source.
    share : float
        Share of the variance of the first drive.
    strength : float
        Amplitude, where 1 is that share.
    strength_use : {"initial", "fixed", "trainable"}
        Whether the amplitude is that of the first weights alone, a constant factor of
        the weights, or a factor that is trained.
    signs : ndarray of shape (n_columns,), or None
        1 for units that excite, -1 for those that inhibit, 0 for those that do not
        reach the area; None leaves the signs of the weights free.
    wiring_cost : float
        What a weight of size 1 adds to the loss.
    """

    n_columns: int
    share: float
    strength: float = 1.0
    strength_use: StrengthUse = "initial"
    signs: NDArray[np.float64] | None = None
    wiring_cost: float = 0.0


def afferents_by_area(wiring: Wiring) -> dict[str, list[Afferent]]:
    """Return what is decided about the columns of every area's kernel.

    Parameters
    ----------
    wiring : Wiring
        What the areas hear.

    Returns
    -------
    dict of str to list of Afferent
        By area, in the order of the columns.
    """
    cost = _cost_per_mm(wiring)
    known = [p.length_mm for p in wiring.spec.pathways if p.length_mm is not None]
    mean_mm = sum(known) / max(len(known), 1)
    return {a.name: _afferents(wiring, a, cost, mean_mm) for a in wiring.spec.areas}


def _afferents(
    wiring: Wiring, area: AreaSpec, cost_per_mm: float, mean_mm: float
) -> list[Afferent]:
    """Return what is decided about the columns of an area's kernel."""
    pathways: dict[str, PathwaySpec] = {p.source: p for p in wiring.pathways(area.name)}
    heard = wiring.heard[area.name]
    shares = _shares([_drives(kind, pathways.get(name)) for kind, name in heard])
    afferents = []
    for (kind, name), n_columns, share in zip(
        heard, wiring.sizes(area.name), shares, strict=True
    ):
        if kind == "sensation":
            afferents.append(Afferent(n_columns, share))
            continue
        signs = _column_signs(wiring.spec.area(name), area, n_columns)
        if name == area.name:
            afferents.append(Afferent(n_columns, share, signs=signs))
            continue
        pathway = pathways[name]
        length_mm = mean_mm if pathway.length_mm is None else pathway.length_mm
        afferents.append(
            Afferent(
                n_columns,
                share,
                pathway.strength,
                pathway.strength_use,
                None if signs is None else np.maximum(signs, 0.0),
                cost_per_mm * length_mm,
            )
        )
    return afferents


def _drives(kind: str, pathway: PathwaySpec | None) -> bool:
    """Whether a signal drives an area: sensations and pathways of its step do."""
    if kind == "sensation":
        return True
    return pathway is not None and pathway.timing == "same_step"


def _shares(drives: Sequence[bool]) -> list[float]:
    """Share an area's initial drive among its afferents.

    Sensations and afferents of the same step drive, all others modulate; each kind
    shares evenly what is its own.
    """
    n_drivers = sum(drives)
    n_modulators = len(drives) - n_drivers
    if not n_drivers or not n_modulators:
        return [1.0 / len(drives)] * len(drives)
    driver = DRIVING_SHARE / n_drivers
    modulator = (1.0 - DRIVING_SHARE) / n_modulators
    return [driver if is_driver else modulator for is_driver in drives]


def _column_signs(
    source: AreaSpec, target: AreaSpec, n_columns: int
) -> NDArray[np.float64] | None:
    """Return the signs of a source's columns in a target's kernel; None if free."""
    if source.inhibitory_share is None:
        return None
    if source.map and target.map is None and source.map.readout == "spatial_softmax":
        return None  # a place, not a rate: its weights have any sign
    n_channels = source.n_channels
    n_inhibitory = source.n_inhibitory * n_channels // source.n_units
    signs = np.where(np.arange(n_channels) < n_channels - n_inhibitory, 1.0, -1.0)
    return np.resize(signs, n_columns)  # the same at every position of a map


def _cost_per_mm(wiring: Wiring) -> float:
    """Return what a weight of size 1 and length 1 mm adds to the loss."""
    spec: NetworkSpec = wiring.spec
    if not spec.wiring_cost:
        return 0.0
    n_weights = 0
    for area in spec.areas:
        sources = {pathway.source for pathway in wiring.pathways(area.name)}
        columns = wiring.columns(area.name).items()
        n_heard = sum(c.stop - c.start for (_, name), c in columns if name in sources)
        n_weights += n_heard * area.n_channels * Dynamics(area.cell).n_gates
    return spec.wiring_cost / n_weights
