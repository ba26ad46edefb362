# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from angora_train.config.loading import load_config
from angora_train.learning.minibatches import Geometry, deal, own_part


def test_the_published_geometry_by_hand() -> None:
    # Weidler et al. 2023: 384 workers x 2,048 steps, 12,288 transitions a batch.
    geometry = Geometry.of(load_config("paper"))
    assert geometry.n_steps == 786_432  # 384 x 2,048
    assert geometry.chunks_per_minibatch == 768  # 12,288 / 16
    assert geometry.tile == (384, 2)  # as many trajectories as there are
    assert geometry.n_minibatches == 64  # 786,432 / 12,288
    assert geometry.n_updates == 192  # 3 epochs
    assert geometry.describe(32)["chunks of a rank in an update"] == 24


@pytest.mark.parametrize(
    ("minibatch_size", "tile"), [(48, (6, 2)), (24, (6, 1)), (12, (3, 1)), (32, (6, 2))]
)
def test_every_chunk_is_dealt_once_an_epoch_to_as_many_worlds_as_can_be(
    minibatch_size: int, tile: tuple[int, int]
) -> None:
    # 6 worlds x 4 chunks of 4 steps = 96 steps.
    geometry = Geometry(6, 16, 4, minibatch_size, 1)
    assert geometry.tile == tile
    batches = deal(geometry, seed=3, cycle=2, epoch=1)
    entries = batches.reshape(-1, 2)
    assert sorted(map(tuple, entries.tolist())) == [
        (chunk, world) for chunk in range(4) for world in range(6)
    ]
    if minibatch_size % 24 == 0:  # whole rounds
        for batch in batches:
            assert (np.bincount(batch[:, 1], minlength=6) == tile[1]).all()


def test_dealing_follows_seed_cycle_and_epoch_alone() -> None:
    geometry = Geometry(6, 16, 4, 24, 2)
    first = deal(geometry, 0, 1, 0)
    assert (first == deal(geometry, 0, 1, 0)).all()
    for other in ((1, 1, 0), (0, 2, 0), (0, 1, 1)):
        assert (first != deal(geometry, *other)).any()


def test_the_parts_of_a_node_are_even_and_follow_who_gathered() -> None:
    # Two ranks with worlds 0 to 2 and 3 to 5; two chunks of every world.
    (batch,) = deal(Geometry(6, 8, 4, 48, 1), 0, 1, 0)
    worlds = np.arange(6)
    parts = [own_part(batch, worlds, part, 2) for part in range(2)]
    assert [sorted(set(part[:, 1].tolist())) for part in parts] == [
        [0, 1, 2],
        [3, 4, 5],
    ]
    assert [len(part) for part in parts] == [6, 6]


def test_nodes_read_their_own_worlds_each_once() -> None:
    (batch,) = deal(Geometry(5, 8, 4, 40, 1), 0, 1, 0)
    nodes = [np.array([0, 3]), np.array([1, 2, 4])]
    found = [
        (chunk, int(node[column]))
        for node in nodes
        for part in range(2)
        for chunk, column in own_part(batch, node, part, 2).tolist()
    ]
    assert sorted(found) == sorted(map(tuple, batch.tolist()))
