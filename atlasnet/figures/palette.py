# SPDX-License-Identifier: Apache-2.0
"""Groups of areas, their colours and short labels, shared by all figures."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from atlasnet.files import replacing

__all__ = [
    "GROUP_COLORS",
    "figure_of",
    "group_handles",
    "group_of",
    "hemisphere_of",
    "legend_below",
    "save_figure",
    "short_labels",
    "side_of",
]

GROUP_COLORS = {
    "visual": "#CC79A7",
    "parietal": "#0072B2",
    "somatosensory": "#009E73",
    "motor": "#D55E00",
    "premotor": "#E69F00",
    "prefrontal": "#56B4E9",
    "other": "#999999",
}
"""Group of areas to colour, in the order of legends and matrices. The colours are
told apart with any common colour vision (Okabe & Ito 2008, Color Universal Design)."""

_GROUP_OF_SYSTEM = {
    "visual": "visual",
    "parietal association": "parietal",
    "primary somatosensory": "somatosensory",
    "primary motor": "motor",
    "premotor": "premotor",
    "prefrontal": "prefrontal",
}
_HEMISPHERE = re.compile(r"\s+(left|right)$")


def hemisphere_of(names: Iterable[str]) -> str | None:
    """Return the hemisphere that all names end in, or None.

    Examples
    --------
    >>> hemisphere_of(["4p left", "AIP left"])
    'left'
    """
    found = {m[1] if (m := _HEMISPHERE.search(name)) else None for name in names}
    return found.pop() if len(found) == 1 else None


def group_of(system: str | None) -> str:
    """Return the group of an area, a key of :data:`GROUP_COLORS`.

    Parameters
    ----------
    system : str or None
        Part of the brain, as :attr:`Region.system` and :attr:`AreaSpec.system` have it.

    Returns
    -------
    str
        The group; ``other`` of any other system, and where none is known.

    Examples
    --------
    >>> group_of("parietal association"), group_of("insular"), group_of(None)
    ('parietal', 'other', 'other')
    """
    return _GROUP_OF_SYSTEM.get(system or "", "other")


def side_of(names: Iterable[str]) -> str:
    """Return the common hemisphere for a title, or nothing."""
    hemisphere = hemisphere_of(names)
    return f", {hemisphere} hemisphere" if hemisphere else ""


def short_labels(names: Sequence[str]) -> list[str]:
    """Return the shortest labels that still tell the names apart.

    ``"Area "`` and the location in brackets are left out, and the hemisphere where all
    share it, as long as no two labels become the same.

    Examples
    --------
    >>> short_labels(["Area 4p (PreCG) left", "Area hIP2 (IPS) left"])
    ['4p', 'hIP2']
    """
    common = hemisphere_of(names) is not None
    wanted = [_shorten(name, drop_hemisphere=common) for name in names]
    count = Counter(wanted)
    return [
        label if count[label] == 1 else name
        for label, name in zip(wanted, names, strict=True)
    ]


def group_handles(groups: Iterable[str], *, marker: str = "o") -> list[Artist]:
    """Return legend handles for the groups that occur, in the palette's order."""
    present = set(groups)
    return [
        Line2D(
            [], [], marker=marker, color=color, label=group, linestyle="", markersize=8
        )
        for group, color in GROUP_COLORS.items()
        if group in present
    ]


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to, also through subfigures."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("These axes belong to no figure: they were removed from it.")
    return figure


def save_figure(ax: Axes, path: Path | str, **options: Any) -> None:
    """Write the figure that axes belong to, whole or not at all.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes of the figure.
    path : Path or str
        The file; its suffix says the format.
    **options
        As of :meth:`matplotlib.figure.Figure.savefig`.
    """
    with replacing(path) as temporary:
        figure_of(ax).savefig(temporary, **options)


def legend_below(
    ax: Axes, handles: list[Artist], entry_inches: float, n_columns: int, **style: Any
) -> None:
    """Draw a legend below axes, of as many columns as fit side by side, or fewer."""
    inches = ax.get_window_extent().width / figure_of(ax).dpi
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=int(np.clip(inches // entry_inches, 1, n_columns)),
        frameon=False,
        **style,
    )


def _shorten(name: str, *, drop_hemisphere: bool) -> str:
    found = _HEMISPHERE.search(name)
    bare = _HEMISPHERE.sub("", name)
    bare = re.sub(r"\s*\(.*\)", "", bare).removeprefix("Area ").strip()
    if found is None or drop_hemisphere:
        return bare
    return f"{bare} {found[1][0].upper()}"
