# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from keras import ops

from atlasnet.layers import MapReadout
from atlasnet.layers.projection import (
    MapDrive,
    MapPathway,
    convolve,
    from_image,
    from_map,
    from_units,
    spread,
)
from atlasnet.plan.spec import MapSpec


def _map(side: int, spacing_px: int, n_channels: int = 1, **more: Any) -> MapSpec:
    given = {"field_px": 2.0 * spacing_px, **more}
    return MapSpec(
        height=side,
        width=side,
        n_channels=n_channels,
        spacing_px=spacing_px,
        **given,
    )


def _impulse(side: int, row: int, column: int) -> Any:
    x = np.zeros((1, side, side, 1), np.float32)
    x[0, row, column] = 1.0
    return x


def _drive(path: MapPathway, signal: Any, columns: Any, target: MapSpec) -> Any:
    weights = path.weights(columns, target.n_channels)
    return np.asarray(path.drive(ops.convert_to_tensor(signal), weights, target))


def test_a_pathway_from_a_finer_map_is_a_strided_convolution() -> None:
    # Positions 0..6 of the source, every second is below one of the target; the 3 x 3
    # kernel of ones sums the neighbours: the corner has 4 of them, an edge 6.
    path = from_map(_map(7, 2), _map(4, 4), kernel_size=3)
    assert (path.shape, path.stride, path.growth) == ((3, 3, 1), 2, 1)
    columns = np.ones((1, path.n_columns), np.float32)
    drive = _drive(path, np.ones((1, 7, 7, 1), np.float32), columns, _map(4, 4))
    assert drive.shape == (1, 4, 4, 1)
    assert drive[0, 0, 0, 0] == 4.0
    assert drive[0, 0, 1, 0] == 6.0
    assert drive[0, 1, 1, 0] == 9.0


def test_a_kernel_is_that_of_the_targets_field_unless_another_is_given() -> None:
    source, target = _map(8, 2), _map(4, 4, field_px=12.0)
    # 1 + (12 - 4) / 2 = 5.
    assert from_map(source, target).shape == (5, 5, 1)
    assert from_map(source, target, kernel_size=7).shape == (7, 7, 1)


def test_a_position_of_a_coarser_map_is_heard_at_all_positions_below_it() -> None:
    # Kernel 1 with weight 2: the position (1, 0) of a 3 x 3 map covers rows 2 and 3 and
    # columns 0 and 1 of a 5 x 5 map.
    source, target = _map(3, 8), _map(5, 4)
    path = from_map(source, target, kernel_size=1)
    assert (path.stride, path.growth) == (1, 2)
    drive = _drive(path, _impulse(3, 1, 0), np.float32([[2.0]]), target)
    expected = np.zeros((5, 5), np.float32)
    expected[2:4, 0:2] = 2.0
    assert (drive[0, :, :, 0] == expected).all()


def test_the_last_position_of_a_coarser_map_may_cover_less() -> None:
    target = _map(5, 4)
    path = from_map(_map(3, 8), target, kernel_size=1)
    drive = _drive(path, _impulse(3, 2, 2), np.float32([[1.0]]), target)
    assert drive.sum() == 1.0  # row 4 and column 4 alone
    assert drive[0, 4, 4, 0] == 1.0


def test_units_without_a_map_are_heard_alike_everywhere(
    rng: np.random.Generator,
) -> None:
    target = _map(4, 4, n_channels=2)
    path = from_units(3)
    columns = rng.normal(size=(2, path.n_columns)).astype(np.float32)
    signal = rng.normal(size=(5, 3)).astype(np.float32)
    drive = _drive(path, signal, columns, target)
    assert drive.shape == (5, 1, 1, 2)
    assert drive[:, 0, 0] == pytest.approx(signal @ columns.T, abs=1e-6)


def test_an_image_is_read_with_the_field_and_the_spacing_of_the_map() -> None:
    target = _map(21, 4, n_channels=5, field_px=11.0)
    path = from_image(6, target)
    assert (path.shape, path.stride) == ((11, 11, 6), 4)
    columns = np.ones((5, path.n_columns), np.float32)
    drive = _drive(path, np.ones((2, 84, 84, 6), np.float32), columns, target)
    assert drive.shape == (2, 21, 21, 5)
    assert drive[0, 10, 10, 0] == 11 * 11 * 6


def test_a_field_smaller_than_the_spacing_still_skips_no_pixel() -> None:
    assert from_image(3, _map(4, 8, field_px=3.0)).shape == (8, 8, 3)


def test_convolution_and_spreading_keep_the_rest_apart(
    rng: np.random.Generator,
) -> None:
    x = rng.normal(size=(2, 6, 4, 3)).astype(np.float32)
    kernel = rng.normal(size=(1, 1, 3, 2)).astype(np.float32)
    assert np.asarray(convolve(x, kernel, 1)) == pytest.approx(
        x @ kernel[0, 0], abs=1e-5
    )
    grown = np.asarray(spread(ops.convert_to_tensor(x), 3, 17, 12))
    assert grown.shape == (2, 17, 12, 3)
    assert (grown[:, 4, 5] == x[:, 1, 1]).all()
    assert spread(x, 1, 6, 4) is x


def test_pathways_of_one_geometry_together_give_what_each_gives_alone(
    rng: np.random.Generator,
) -> None:
    # Two coarser maps, one as fine, two populations: three operations for five.
    target = _map(6, 4, n_channels=3)
    coarse, fine = _map(3, 8, n_channels=2), _map(6, 4, n_channels=4)
    paths = (
        from_map(coarse, target),
        from_units(5),
        from_map(fine, target),
        from_map(coarse, target),
        from_units(2),
    )
    signals = [
        ops.convert_to_tensor(rng.normal(size=(2, *shape)).astype(np.float32))
        for shape in ((3, 3, 2), (5,), (6, 6, 4), (3, 3, 2), (2,))
    ]
    drive = MapDrive(target, paths)
    assert drive.n_columns == (18, 5, 36, 18, 2)
    kernel = rng.normal(size=(3, sum(drive.n_columns))).astype(np.float32)
    weights = drive.weights(ops.convert_to_tensor(kernel))
    assert len(weights) == 3
    starts = np.cumsum([0, *drive.n_columns])
    alone = [
        _drive(path, signal, kernel[:, start : start + path.n_columns], target)
        for path, signal, start in zip(paths, signals, starts, strict=False)
    ]
    together = np.asarray(drive.drive(signals, weights))
    np.testing.assert_allclose(together, sum(alone), atol=1e-5)


def test_a_map_that_hears_only_units_is_the_same_everywhere() -> None:
    target = _map(3, 8, n_channels=2)
    drive = MapDrive(target, (from_units(1),))
    weights = drive.weights(ops.convert_to_tensor(np.float32([[1.0, -2.0]])))
    heard = np.asarray(
        drive.drive([ops.convert_to_tensor(np.float32([[3.0]]))], weights)
    )
    assert heard.shape == (1, 3, 3, 2)
    assert (heard == [3.0, -6.0]).all()


def test_flattening_shows_every_unit(rng: np.random.Generator) -> None:
    layer = MapReadout(_map(3, 8, n_channels=2, readout="flatten"))
    x = rng.normal(size=(4, 3, 3, 2)).astype(np.float32)
    assert (np.asarray(layer(x)) == x.reshape(4, 18)).all()
    assert not layer.weights


def test_spatial_softmax_shows_where_each_channel_is_active() -> None:
    # A 3 x 5 map: channel 0 is active at row 0, column 4 (right, top: 1, -1), channel 1
    # at row 2, column 1 (-0.5, 1). At temperature 0.1 and activity 9 against 0, all
    # others weigh e^-90. First both horizontal, then both vertical places.
    layout = MapSpec(height=3, width=5, n_channels=2, spacing_px=8, field_px=9.0)
    x = np.zeros((1, 3, 5, 2), np.float32)
    x[0, 0, 4, 0] = x[0, 2, 1, 1] = 9.0
    layer = MapReadout(layout)
    assert np.asarray(layer(x))[0] == pytest.approx([1.0, -0.5, -1.0, 1.0], abs=1e-6)
    assert layout.readout_size == 4


def test_a_uniform_map_is_read_in_the_middle_and_the_temperature_counts() -> None:
    layer = MapReadout(_map(3, 8))
    assert np.asarray(layer(np.full((1, 3, 3, 1), 0.3, np.float32)))[
        0
    ] == pytest.approx([0.0, 0.0], abs=1e-6)
    # Activity 1 at the right of the middle row. At temperature 1 it weighs e against 8
    # others of 1: the mean of x is (e - 1) / (e + 8) = 0.16032, that of y is 0.
    layer.log_temperature.assign(0.0)
    seen = np.asarray(layer(_impulse(3, 1, 2)))
    assert seen[0] == pytest.approx([0.16032, 0.0], abs=1e-5)


def test_a_readout_is_made_again_from_its_config() -> None:
    layout = _map(3, 8, n_channels=4, readout="flatten")
    again = MapReadout.from_config(MapReadout(layout, name="seen").get_config())
    assert again.layout == layout
    assert again.name == "seen"
