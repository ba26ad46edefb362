# SPDX-License-Identifier: Apache-2.0
"""Figures of graphs and networks."""

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from atlasnet.atlas.sources.hierarchy import SYSTEMS
from atlasnet.bundle import Bundle
from atlasnet.errors import GraphError
from atlasnet.figures import (
    plot_area_volume,
    plot_circuit,
    plot_connectivity_matrix,
    plot_glass_brain,
)
from atlasnet.figures.gallery import save_figures
from atlasnet.figures.labels import place_labels
from atlasnet.figures.layout import lay_out, longest_path_levels
from atlasnet.figures.palette import GROUP_COLORS, group_of, short_labels
from atlasnet.graph.graph import Projection, Region, RegionGraph
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec

SYSTEM_OF = {
    "3b left": "primary somatosensory",
    "AIP left": "parietal association",
    "4p left": "primary motor",
}


def region(name: str, centroid_mm: tuple[float, float, float] | None) -> Region:
    """Return a region of 1000 mm3 and as many cells per mm3 as its front position."""
    return Region(
        name=name,
        hemisphere="right" if name.endswith("right") else "left",
        volume_mm3=1000.0,
        cell_density_per_mm3=40_000.0,
        cell_density_rule="homologue",
        centroid_mm=centroid_mm,
        system=SYSTEM_OF.get(name),
    )


def projection(source: str, target: str, streamline_count: float) -> Projection:
    return Projection(
        source, target, streamline_count, 30.0, 5.0, "feedforward", "none"
    )


@pytest.fixture
def graph() -> RegionGraph:
    """3b -> AIP (weak) -> 4p (strong), and 4p -> 3b without a streamline."""
    return RegionGraph(
        [
            region("3b left", (-43.0, -18.0, 47.0)),
            region("AIP left", (-42.0, -46.0, 44.0)),
            region("4p left", (-36.0, -19.0, 50.0)),
        ],
        [
            projection("3b left", "AIP left", 10.0),
            projection("AIP left", "4p left", 1000.0),
            projection("4p left", "3b left", 0.0),
        ],
    )


@pytest.fixture
def spec() -> NetworkSpec:
    """The network of that graph."""

    def pathway(source: str, target: str, timing: str, count: float) -> PathwaySpec:
        return PathwaySpec(
            source=source,
            target=target,
            timing=timing,  # type: ignore[arg-type]
            direction="feedforward" if timing == "same_step" else "feedback",
            direction_rule="cited",
            streamline_count=count,
        )

    return NetworkSpec(
        name="tiny",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(name=name, n_units=n, cell=cell, system=SYSTEM_OF[name])
            for name, n, cell in (
                ("3b left", 1234, "dense"),
                ("AIP left", 64, "rate"),
                ("4p left", 32, "rate"),
            )
        ),
        pathways=(
            pathway("3b left", "AIP left", "same_step", 10.0),
            pathway("AIP left", "4p left", "same_step", 1000.0),
            pathway("4p left", "3b left", "previous_step", 0.0),
        ),
        inputs=(
            InputSpec(name="touch", size=92, areas=("3b left",)),
            InputSpec(name="vision", size=15, areas=("AIP left",)),
        ),
        action_areas=("4p left",),
        policy_size=220,
        value=ValueSpec(areas=("4p left", "AIP left"), auxiliary_size=30),
    )


def boxes(ax: Axes) -> dict[str, FancyBboxPatch]:
    """Return the boxes of a circuit by their keys."""
    found = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    return {str(box.get_gid()): box for box in found}


def lines(ax: Axes, gid: str) -> list[Patch]:
    return [patch for patch in ax.patches if patch.get_gid() == gid]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_a_circuit_has_one_box_for_each_area_sensation_and_head(
    spec: NetworkSpec,
) -> None:
    assert set(boxes(plot_circuit(spec))) == {
        *("area 3b left", "area AIP left", "area 4p left"),
        *("input touch", "input vision"),
        *("head action", "head value", "value auxiliary"),
    }


def test_boxes_are_labelled_with_name_and_unit_count(spec: NetworkSpec) -> None:
    shown = texts(plot_circuit(spec))
    assert {"3b", "AIP", "4p", "touch", "vision", "action", "value"} <= set(shown)
    # Recurrent areas are marked; 3b is not.
    assert {"1,234 units", "64 units \u21bb", "32 units \u21bb"} <= set(shown)
    # Vision is a pose here, which nobody shall take for a picture.
    assert {"92", "15, no pixels", "220", "30"} <= set(shown)


def test_columns_are_longest_paths_from_the_sensations(spec: NetworkSpec) -> None:
    drawn = boxes(plot_circuit(spec))
    right = {key: box.get_x() + box.get_width() for key, box in drawn.items()}
    keys = ["input vision", "area 3b left", "area AIP left", "area 4p left"]
    steps = np.diff([right[key] for key in [*keys, "head action"]])
    # vision enters AIP, but AIP stands behind 3b, which projects to it.
    assert steps == pytest.approx(np.full(4, steps[0]))
    assert right["input touch"] == pytest.approx(right["input vision"])
    assert right["head value"] == pytest.approx(right["head action"])


def test_each_pathway_is_one_line_as_wide_as_the_log_of_its_count(
    spec: NetworkSpec,
) -> None:
    ax = plot_circuit(spec)
    assert len(lines(ax, "previous_step")) == 1
    # The weakest of 10 and 1000 streamlines has 0.5 points, the strongest 3.
    widths = sorted(line.get_linewidth() for line in lines(ax, "same_step"))
    assert widths == pytest.approx([0.5, 3.0])
    # 4p, AIP and the auxiliary input reach the value; 2 sensations, 1 action area.
    assert len(lines(ax, "value")) == 3
    assert len(lines(ax, "input or action")) == 3


def test_figures_draw_into_the_axes_that_they_are_given(
    graph: RegionGraph, spec: NetworkSpec
) -> None:
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert plot_circuit(spec, ax=axes[0]) is axes[0]
    assert plot_connectivity_matrix(graph, ax=axes[1]) is axes[1]
    assert all(ax.figure is figure for ax in axes)


@pytest.mark.slow  # nilearn takes seconds to import
def test_a_glass_brain_takes_the_place_of_the_axes_that_it_is_given(
    graph: RegionGraph, spec: NetworkSpec
) -> None:
    ax = Figure().add_axes((0.1, 0.2, 0.8, 0.6))
    assert plot_glass_brain(graph, spec, ax=ax) is ax
    left, above = panels(ax)
    # All to one scale: 190 mm across from the side, 92 mm of one half from above.
    width = 0.8 * 190 / (190 + 92)
    np.testing.assert_allclose(
        left.get_position(original=True).bounds, (0.1, 0.2, width, 0.6)
    )
    np.testing.assert_allclose(
        above.get_position(original=True).bounds, (0.1 + width, 0.2, 0.8 - width, 0.6)
    )


@pytest.mark.slow
def test_figures_leave_no_trace_in_matplotlib(
    graph: RegionGraph, spec: NetworkSpec
) -> None:
    before, backend = dict(mpl.rcParams), mpl.get_backend()
    plot_circuit(spec)
    plot_glass_brain(graph, spec)
    plot_connectivity_matrix(graph)
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend() == backend


@pytest.mark.slow
def test_an_area_has_the_same_colour_in_all_figures(
    graph: RegionGraph, spec: NetworkSpec
) -> None:
    motor = to_rgba(GROUP_COLORS["motor"])
    assert same_color(boxes(plot_circuit(spec))["area 4p left"].get_edgecolor(), motor)
    panel = panels(plot_glass_brain(graph))[0]
    circles = next(c for c in panel.collections if c.get_gid() == "regions")
    assert any(same_color(color, motor) for color in circles.get_facecolor())
    matrix = plot_connectivity_matrix(graph)
    assert any(same_color(p.get_facecolor(), motor) for p in matrix.patches)


def panels(ax: Axes) -> list[Axes]:
    """Return the views of a glass brain that hold regions."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return [
        panel
        for panel in figure.axes
        if any(c.get_gid() == "regions" for c in panel.collections)
    ]


@pytest.mark.slow
def test_one_hemisphere_is_seen_from_its_side_and_from_above(
    graph: RegionGraph,
) -> None:
    left, above = panels(plot_glass_brain(graph))
    # The left side shows y across, with the front at the left, and z up.
    circles = next(c for c in left.collections if c.get_gid() == "regions")
    expected = {(-18.0, 47.0), (-46.0, 44.0), (-19.0, 50.0)}
    assert {tuple(p) for p in np.asarray(circles.get_offsets())} == expected
    assert left.xaxis_inverted()
    assert above.get_xlim() == (-76.0, 16.0)


@pytest.mark.slow
def test_both_hemispheres_are_seen_from_three_sides(graph: RegionGraph) -> None:
    both = RegionGraph([*graph.regions, region("4p right", (36.0, -18.0, 47.0))])
    counts = [
        len(np.asarray(c.get_offsets()))
        for panel in panels(plot_glass_brain(both))
        for c in panel.collections
        if c.get_gid() == "regions"
    ]
    assert counts == [3, 4, 1]  # left side, from above, right side


@pytest.mark.slow
def test_circles_are_as_large_as_the_unit_counts(
    graph: RegionGraph, spec: NetworkSpec
) -> None:
    panel = panels(plot_glass_brain(graph, spec))[0]
    circles = next(c for c in panel.collections if c.get_gid() == "regions")
    sizes = np.sort(np.asarray(circles.get_sizes()))  # type: ignore[attr-defined]
    # 1234 units have 420 square points; 64 have 21.8; 32 would have 10.9, below 18.
    assert sizes == pytest.approx([18.0, 420 * 64 / 1234, 420.0])


@pytest.mark.slow
def test_a_glass_brain_says_that_it_shows_the_strongest_connections(
    graph: RegionGraph,
) -> None:
    ax = plot_glass_brain(graph, n_edges=1)
    assert "the 1 strongest connections" in ax.get_title(loc="left")
    drawn = next(c for c in panels(ax)[0].collections if c.get_gid() == "connections")
    segments = drawn.get_segments()  # type: ignore[attr-defined]
    # AIP -> 4p has 1000 streamlines: (y, z) of both ends.
    assert len(segments) == 1
    assert {tuple(p) for p in segments[0]} == {(-46.0, 44.0), (-19.0, 50.0)}


@pytest.mark.slow
def test_a_region_without_centroid_is_left_out_and_counted(graph: RegionGraph) -> None:
    more = RegionGraph([*graph.regions, region("S2 left", None)])
    title = plot_glass_brain(more).get_title(loc="left")
    assert title.startswith("3 regions")
    assert "1 regions without centroid" in title


def test_a_graph_without_any_centroid_is_refused() -> None:
    with pytest.raises(GraphError, match="needs centroids"):
        plot_glass_brain(RegionGraph([region("S2 left", None)]))


def test_a_matrix_holds_the_counts_from_source_to_target(graph: RegionGraph) -> None:
    ax = plot_connectivity_matrix(graph)
    # Groups in the palette's order: parietal, somatosensory, motor.
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["AIP", "3b", "4p"]
    assert [label.get_text() for label in ax.get_xticklabels()] == labels
    cited, counted = (np.ma.filled(i.get_array(), np.nan) for i in ax.get_images())
    none = np.nan
    np.testing.assert_equal(
        counted, [[none, none, 1000.0], [10.0, none, none], [none, none, none]]
    )
    # 4p -> 3b is in the graph, but has no streamline.
    np.testing.assert_equal(np.argwhere(np.isfinite(cited)), [[2, 1]])
    norm = ax.get_images()[1].norm
    np.testing.assert_allclose(norm([10.0, 100.0, 1000.0]), [0.0, 0.5, 1.0])


def test_a_matrix_without_streamlines_can_be_drawn(graph: RegionGraph) -> None:
    ax = plot_connectivity_matrix(RegionGraph(graph.regions))
    assert ax.get_title(loc="left").startswith("3 regions, 0 projections")


def test_levels_are_longest_paths() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("x", "c"), ("c", "d")]
    levels = longest_path_levels("abcdx", edges, entries=["a"])
    # x has no input and leads to c, of level 3: it stands just before.
    assert levels == {"a": 1, "b": 2, "c": 3, "d": 4, "x": 2}


def test_a_layout_removes_crossings_that_need_not_be() -> None:
    # As listed, a-d and b-c cross; and e-g crosses f-h likewise.
    level = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2, "f": 2}
    edges = [("a", "d"), ("b", "c"), ("c", "f"), ("d", "e")]
    layout = lay_out(level, edges)
    # All lines join neighbouring columns: two cross if their ends are in other orders.
    for (a, b), (c, d) in combinations(edges, 2):
        if level[a] == level[c]:
            start, end = layout.position(a)[1], layout.position(b)[1]
            other_start, other_end = layout.position(c)[1], layout.position(d)[1]
            assert (start < other_start) == (end < other_end)


def test_boxes_of_a_column_never_overlap(rng: np.random.Generator) -> None:
    names = [f"n{i}" for i in range(30)]
    level = {name: i // 6 for i, name in enumerate(names)}
    edges = [
        (a, b)
        for a in names
        for b in names
        if level[a] < level[b] and rng.random() < 0.3
    ]
    layout = lay_out(level, edges)
    assert set(layout.level) == set(names)
    for column in range(5):
        heights = np.sort([layout.position(n)[1] for n in names if level[n] == column])
        assert np.diff(heights).min() >= 1.0


def test_a_line_across_columns_runs_around_the_boxes_between() -> None:
    level = {"a": 0, "b": 1, "c": 2}
    layout = lay_out(level, [("a", "b"), ("b", "c"), ("a", "c")])
    route = layout.route("a", "c")
    assert [x for x, _ in route] == [0.0, 1.0, 2.0]
    # Half a box (0.5) lies between the line and the middle of b.
    assert abs(route[1][1] - layout.position("b")[1]) >= 0.5


def test_a_label_that_fits_stands_in_its_circle() -> None:
    points, radii = np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([12.0, 2.0])
    places = place_labels(points, radii, ["V1", "V1"], 8.0)
    # Two letters of 0.62 x 8 points and 8 points high: half the diagonal is 6.4.
    assert places[0] == pytest.approx([0.0, 0.0])
    # To the right: radius 2, gap 1.5, half of the width of 9.92.
    assert places[1] == pytest.approx([100 + 2 + 1.5 + 4.96, 0.0])


def test_labels_avoid_each_other() -> None:
    points = np.array([[0.0, 0.0], [6.0, 0.0]])
    (ax, ay), (bx, by) = place_labels(points, np.array([2.0, 2.0]), ["AIP"] * 2, 8.0)
    # Letters of 0.62 x 8 points, three of them; lines 8 points high.
    assert abs(ax - bx) >= 3 * 0.62 * 8 or abs(ay - by) >= 8


def test_short_labels_stay_distinct() -> None:
    assert short_labels(["4p left", "4p right"]) == ["4p L", "4p R"]
    assert short_labels(["Area 4p (PreCG) left", "AIP left"]) == ["4p", "AIP"]
    thalamus, amygdala = "CM (Thalamus) left", "CM (Amygdala) left"
    assert short_labels([thalamus, amygdala]) == [thalamus, amygdala]


def test_every_system_of_the_atlas_has_a_group_or_is_grey() -> None:
    group = {system: group_of(system) for system in SYSTEMS}
    assert {system for system in SYSTEMS if group[system] == "other"} == {
        *("allocortex", "auditory", "cingulate", "insular", "other cortex"),
        *("subcortical", "temporal"),
    }
    assert set(group.values()) == set(GROUP_COLORS)


def test_an_area_of_an_older_plan_is_grey(spec: NetworkSpec) -> None:
    areas = [area.model_copy(update={"system": None}) for area in spec.areas]
    ax = plot_circuit(spec.model_copy(update={"areas": tuple(areas)}))
    grey = to_rgba(GROUP_COLORS["other"])
    assert same_color(boxes(ax)["area 4p left"].get_edgecolor(), grey)


@pytest.mark.slow
def test_every_figure_is_written_to_a_file(
    graph: RegionGraph, spec: NetworkSpec, tmp_path: Path
) -> None:
    written = save_figures(Bundle(graph, spec), tmp_path / "figures")
    names = {Path(path).name for path in written}
    assert names == {"circuit.png", "connectivity.png", "glass_brain.png"}
    for path in written:
        assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_a_spec_alone_has_a_circuit_only(spec: NetworkSpec, tmp_path: Path) -> None:
    written = save_figures(Bundle(None, spec), tmp_path, "svg")
    assert [Path(path).name for path in written] == ["circuit.svg"]


def test_a_matrix_by_hierarchy_stands_in_the_order_of_processing(
    graph: RegionGraph,
) -> None:
    ax = plot_connectivity_matrix(graph, order="hierarchy")
    # 3b -> AIP -> 4p; 4p -> 3b closes a cycle and is the weakest.
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["3b", "AIP", "4p"]
    with pytest.raises(GraphError, match="'group' or 'hierarchy'"):
        plot_connectivity_matrix(graph, order="size")  # type: ignore[arg-type]


@pytest.fixture
def label_image(tmp_path: Path) -> Path:
    """Two areas of the left hemisphere, in MNI152, with voxels of 4 mm."""
    labels = np.zeros((12, 12, 12), np.int16)
    labels[:6, :, 5:], labels[6:, :, 5:] = 1, 2
    affine = np.array([[4.0, 0, 0, -60], [0, 4, 0, -40], [0, 0, 4, 10], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(labels, affine), tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz"


@pytest.mark.slow
def test_areas_are_a_coloured_volume_in_the_axes_given(label_image: Path) -> None:
    figure = Figure(figsize=(6, 3))
    ax = figure.add_axes((0.0, 0.0, 0.85, 0.9))
    values = {"4p": 30.0, "3b": 300.0}
    drawn = plot_area_volume(
        values, label_image, {"4p": 1, "3b": 2}, ax, quantity="units", logarithmic=True
    )
    assert drawn is ax
    assert ax.get_title(loc="left") == "2 areas by units"
    bar = figure.axes[-1]
    assert bar.get_ylim() == pytest.approx((30.0, 300.0))
    assert bar.get_ylabel() == "units"
    shown = [i for a in figure.axes for i in a.get_images()]
    assert len(shown) >= 3  # three slices


@pytest.mark.parametrize(
    ("values", "labels", "reason"),
    [
        ({}, {}, "at least one"),
        ({"a": float("nan")}, {"a": 1}, "finite number, got nan"),
        ({"a": 1.0}, {"b": 1}, "no label for 'a'"),
        ({"a": 1.0}, {"a": 9}, "no voxel of label 9"),
    ],
)
def test_a_volume_without_its_areas_is_refused(
    values: dict[str, float], labels: dict[str, int], reason: str, label_image: Path
) -> None:
    with pytest.raises(GraphError, match=reason):
        plot_area_volume(values, label_image, labels)
