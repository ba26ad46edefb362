# SPDX-License-Identifier: Apache-2.0
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from angora_train.analysis.figures import (
    plot_conditions,
    plot_learning,
    plot_mds,
    plot_model_fit,
    plot_rdms,
    plot_similarity,
)
from angora_train.analysis.rsa.similarity import embed_areas
from atlasnet.figures.palette import GROUP_COLORS
from tests.angora_train import samples

SYSTEMS = {
    "AIP left": "parietal association",
    "3a left": "primary somatosensory",
    "1 left": "primary somatosensory",
    "4p left": "primary motor",
    "dlPFC left": "prefrontal",
}
BY_GROUP = ["AIP", "3a", "1", "4p", "dlPFC"]  # parietal, somatosensory, motor, frontal


def drawn(ax: Axes) -> Figure:
    """Draw the figure of axes; warnings are errors here."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    return figure


def texts(labels: list) -> list[str]:  # type: ignore[type-arg]
    return [label.get_text() for label in labels]


def test_the_learning_curve_leaves_out_cycles_without_an_episode() -> None:
    returns, success = plot_learning(samples.metrics())
    drawn(returns)
    np.testing.assert_array_equal(
        returns.lines[0].get_xydata(), [[8192, -8], [12288, -7], [16384, -6]]
    )
    np.testing.assert_allclose(success.lines[0].get_ydata(), [0.2, 0.3, 0.4])


@pytest.mark.slow
def test_a_run_without_any_finished_episode_can_be_drawn() -> None:
    axes = plot_learning(samples.metrics(1))
    drawn(axes[0])
    assert len(axes[0].lines[0].get_xdata()) == 0


def test_conditions_are_drawn_with_their_intervals() -> None:
    comparison = samples.comparison()
    axes = plot_conditions(comparison)
    drawn(axes[0])
    assert texts(axes[0].get_yticklabels()) == [
        "trained",
        "untrained",
        "best posture",
        "shuffled goals",
    ]
    interval = comparison.summaries["trained"].distance_m
    line, dot = axes[2].lines[:2]
    np.testing.assert_allclose(
        line.get_xdata(), [1000 * interval.low, 1000 * interval.high]
    )
    np.testing.assert_allclose(dot.get_xdata(), [1000 * interval.mean])
    # Single episodes are shown where they are not merely yes or no.
    assert [len(ax.collections) for ax in axes] == [4, 0, 4]


def test_one_matrix_an_area_in_the_order_of_the_groups() -> None:
    axes = plot_rdms(samples.rdms(), systems=SYSTEMS)
    drawn(axes[0])
    assert [ax.get_title(loc="left") for ax in axes] == BY_GROUP
    colors = [to_hex(ax._left_title.get_color()) for ax in axes]
    assert colors[0].upper() == GROUP_COLORS["parietal"]
    shown = axes[1].images[0].get_array()
    matrix = samples.rdms().get_matrices()[1]  # "3a left"
    np.testing.assert_allclose(shown, matrix / matrix.max())
    assert texts(axes[0].get_yticklabels()) == list(samples.KINDS)


def test_matrices_go_into_given_axes() -> None:
    given = Figure().subplots(1, 5)
    assert plot_rdms(samples.rdms(), list(given)) == list(given)


@pytest.mark.parametrize(("lowest", "limits"), [(0.25, (0.2, 1)), (-0.3, (-1, 1))])
def test_similarity_is_ordered_and_scaled_to_its_range(
    lowest: float, limits: tuple[float, float]
) -> None:
    ax = plot_similarity(samples.similarity(lowest), systems=SYSTEMS)
    drawn(ax)
    assert texts(ax.get_xticklabels()) == BY_GROUP
    assert texts(ax.get_yticklabels()) == BY_GROUP
    image = ax.images[0]
    assert image.get_clim() == pytest.approx(limits)
    # dlPFC (last) and 3a (second) are alike.
    assert image.get_array()[4, 1] == pytest.approx(0.9)


def test_the_map_of_areas_has_a_label_beside_every_dot() -> None:
    embedding = embed_areas(samples.similarity())
    ax = plot_mds(embedding, systems=SYSTEMS)
    figure = drawn(ax)
    assert sorted(texts(ax.texts)) == sorted(BY_GROUP)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), embedding.points)
    assert figure.get_layout_engine() is not None


def test_the_fit_of_hypotheses_has_a_row_each() -> None:
    ax = plot_model_fit(samples.model_fit(), systems=SYSTEMS)
    drawn(ax)
    assert texts(ax.get_yticklabels()) == ["goal kind", "phase"]
    assert texts(ax.get_xticklabels()) == BY_GROUP
    # AIP is the fourth area given: its fit comes first.
    np.testing.assert_allclose(
        ax.images[0].get_array()[:, 0], samples.model_fit().loc["AIP left"]
    )


def test_drawing_leaves_no_global_figure() -> None:
    plot_similarity(samples.similarity())
    plot_conditions(samples.comparison())
    assert plt.get_fignums() == []
