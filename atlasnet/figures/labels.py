# SPDX-License-Identifier: Apache-2.0
"""Labels beside the points of a crowded map."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["place_labels"]

_DIRECTIONS = (  # right, left, above, below, then the corners
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, 1.0),
    (0.0, -1.0),
    (0.7, 0.7),
    (-0.7, 0.7),
    (0.7, -0.7),
    (-0.7, -0.7),
)
_ASPECT = 0.62
"""Mean width of a letter over the type size."""
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def place_labels(
    points: NDArray[np.float64],
    radii: NDArray[np.float64],
    labels: Sequence[str],
    type_size: float,
) -> NDArray[np.float64]:
    """Place one label at each point so that little is covered.

    A label goes inside its circle if it fits, otherwise to that side of it where it
    covers least of the circles and of the labels placed before.

    Parameters
    ----------
    points : ndarray of float, shape (n, 2)
        Centres of the circles, in points (1/72 inch).
    radii : ndarray of float, shape (n,)
        Radii of the circles, in points.
    labels : sequence of str
        What is written at each.
    type_size : float
        In points.

    Returns
    -------
    ndarray of float, shape (n, 2)
        Centres of the labels, in points.

    Examples
    --------
    >>> points, radii = np.array([[0.0, 0.0], [14.0, 0.0]]), np.array([4.0, 4.0])
    >>> places = place_labels(points, radii, ["AIP", "V6"], 8.0)
    >>> bool(places[0, 0] < 0)  # to the left, since V6 is on the right
    True
    """
    circles = [
        (x - r, y - r, x + r, y + r)
        for (x, y), r in zip(points.tolist(), radii.tolist(), strict=True)
    ]
    placed: dict[int, Box] = {}
    for i in np.argsort(-radii, kind="stable").tolist():
        width, height = _ASPECT * type_size * len(labels[i]), type_size
        x, y = points[i].tolist()
        if np.hypot(width, height) / 2 <= 0.7 * radii[i]:
            placed[i] = _box(x, y, width, height)
            continue
        others = [circle for j, circle in enumerate(circles) if j != i]
        taken = list(placed.values())
        placed[i] = min(
            _boxes_beside(x, y, radii[i], width, height),
            key=lambda box: 3 * _covered(box, taken) + _covered(box, others),
        )
    centers = [
        ((left + right) / 2, (low + high) / 2)
        for left, low, right, high in (placed[i] for i in range(len(labels)))
    ]
    return np.array(centers, dtype=np.float64).reshape(-1, 2)


def _boxes_beside(
    x: float, y: float, radius: float, width: float, height: float
) -> list[Box]:
    """Return boxes of a size on all sides of a circle."""
    right, up = radius + 1.5 + width / 2, radius + 1.0 + height / 2
    return [_box(x + dx * right, y + dy * up, width, height) for dx, dy in _DIRECTIONS]


def _box(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _covered(box: Box, others: Iterable[Box]) -> float:
    """Return the area that a box shares with others."""
    total = 0.0
    for other in others:
        width = min(box[2], other[2]) - max(box[0], other[0])
        height = min(box[3], other[3]) - max(box[1], other[1])
        total += max(width, 0.0) * max(height, 0.0)
    return total
