# SPDX-License-Identifier: Apache-2.0
"""Groups of areas, their colours and short labels, shared by all figures."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

__all__ = [
    "GROUP_COLORS",
    "figure_of",
    "group_handles",
    "group_of",
    "hemisphere_of",
    "legend_columns",
    "short_labels",
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

# Short names of the hand network's areas first, then the names of Julich-Brain, whose
# brackets say where an area lies. The first pattern that matches decides. Where the
# hand network is at stake, function goes before the lobe: area 44 and the gap map
# Frontal-II count as ventral premotor, OP1 to OP4 as second somatosensory cortex, and
# the fusiform areas as visual.
_PATTERNS = tuple(
    (re.compile(pattern), group)
    for pattern, group in (
        (r"(V1|V2|V3d|V3A|V6|MT|LO)$", "visual"),
        (r"(V6A|[cm]IPS|AIP|7A|7P|7PC|5L|5M|PFt|PFop|PF)$", "parietal"),
        (r"(3a|3b|1|2|S2)$", "somatosensory"),
        (r"(4a|4p)$", "motor"),
        (r"(PMd[cr]|PMv|SMA|preSMA|44)$", "premotor"),
        (r"(IFJ|IFS|dlPFC)$", "prefrontal"),
        (r"Area (4[ap]) ", "motor"),
        (r"Area (6\w+|44) |Frontal-II ", "premotor"),
        (r"Area (3[ab]|1|2|[OS][pP][1-4]) \(", "somatosensory"),
        (r"Area hPO|.*\((IPS|SPL|IPL)", "parietal"),
        (r"Area (hOc|FG)", "visual"),
        (
            r"Frontal-I\b.*GapMap|.*(MFG|SFG|SFS|IFG|IFS|FPole|OFC|Frontal Oper)",
            "prefrontal",
        ),
    )
)
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


def group_of(name: str) -> str:
    """Return the group of an area, a key of :data:`GROUP_COLORS`, by its name.

    Only the name decides, so an area has one colour in all figures, whether it comes
    from a graph or from a network spec.

    Examples
    --------
    >>> group_of("AIP left"), group_of("Area 4p (PreCG) right")
    ('parietal', 'motor')
    """
    bare = _HEMISPHERE.sub("", name)
    for pattern, group in _PATTERNS:
        if pattern.match(bare):
            return group
    return "other"


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


def legend_columns(ax: Axes, entry_inches: float, n_entries: int) -> int:
    """Return how many legend entries of a given width fit side by side below axes."""
    inches = ax.get_window_extent().width / figure_of(ax).dpi
    return int(np.clip(inches // entry_inches, 1, n_entries))


def _shorten(name: str, *, drop_hemisphere: bool) -> str:
    found = _HEMISPHERE.search(name)
    bare = _HEMISPHERE.sub("", name)
    bare = re.sub(r"\s*\(.*\)", "", bare).removeprefix("Area ").strip()
    if found is None or drop_hemisphere:
        return bare
    return f"{bare} {found[1][0].upper()}"
