# SPDX-License-Identifier: Apache-2.0
import pytest

from angora_train.config.loading import load_config
from angora_train.config.run import RunConfig
from angora_train.errors import ConfigError
from angora_train.ranks.comm import LocalComm
from angora_train.ranks.roles import Roles, learning_ranks, share_of_worlds
from angora_train.run.dry_run import describe

NODES = [[0, 1, 2], [3, 4, 5]]


def test_all_ranks_learn_without_gpus_and_one_for_each_gpu_with_them() -> None:
    assert learning_ranks(NODES, 0) == (0, 1, 2, 3, 4, 5)
    assert learning_ranks(NODES, 2) == (0, 1, 3, 4)
    assert learning_ranks(NODES, 8) == (0, 1, 2, 3, 4, 5)  # more GPUs than ranks


def test_fewer_learning_ranks_are_spread_over_the_nodes() -> None:
    assert learning_ranks(NODES, 0, 2) == (0, 3)
    assert learning_ranks(NODES, 0, 3) == (0, 1, 3)
    with pytest.raises(ConfigError, match=r"2 nodes.*The least is 2"):
        learning_ranks(NODES, 0, 1)


def test_worlds_are_shared_evenly() -> None:
    # 7 worlds for 3 ranks: 3, 2 and 2.
    shares = [share_of_worlds(7, 3, rank) for rank in range(3)]
    assert shares == [range(3), range(3, 5), range(5, 7)]


def test_a_rank_alone_does_everything() -> None:
    roles = Roles.of(RunConfig(n_worlds=64), LocalComm(), n_gpus=0)
    assert roles.worlds == range(64)
    assert roles.node_worlds.tolist() == list(range(64))
    assert roles.learners == roles.node_learners == (0,)


def test_more_learning_ranks_than_chunks_are_refused() -> None:
    config = load_config("reach", ["ppo.minibatch_size=32"])
    with pytest.raises(ConfigError, match=r"3 ranks are to learn.* of 2 chunks"):
        describe(config, n_ranks=3, n_nodes=1)


@pytest.mark.slow
def test_a_plan_says_what_the_published_run_does() -> None:
    plan = describe(load_config("paper"), n_ranks=384, n_nodes=32)
    assert plan["ranks that learn"] == 32
    assert plan["chunks of a rank in an update"] == 24
    assert plan["control steps in all"] == 1_187_512_320  # 1,510 x 786,432
    # Dense 1024, LSTM 512, heads 220 and 1, from 48 + 92 + 4 + 7 = 151 numbers; the
    # value reads 26 more. Dense: (151 + 1) x 1024 and (177 + 1) x 1024; LSTM: 2 x 4 x
    # 512 x (1024 + 512 + 1); heads: 513 x 220 and 513.
    assert plan["weights"] == 155_648 + 182_272 + 6_295_552 + 112_860 + 513


def test_ranks_that_do_not_fill_the_nodes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"10 ranks .* 4 nodes. The nearest is 8"):
        describe(load_config("reach"), n_ranks=10, n_nodes=4)
