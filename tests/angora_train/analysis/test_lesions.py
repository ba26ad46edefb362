# SPDX-License-Identifier: Apache-2.0
"""Groups of areas are compared with random lesions of their size."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from angora_train.analysis.actors import AgentActor, choosing
from angora_train.analysis.evaluation import evaluate
from angora_train.analysis.figures import plot_lesions
from angora_train.analysis.lesioning.conditions import group_conditions, intact
from angora_train.analysis.lesioning.effects import effects
from angora_train.analysis.lesioning.groups import LesionStudy, lesion_groups
from angora_train.analysis.lesioning.sets import (
    INTACT,
    LesionSet,
    lesion_sets,
    matched_areas,
    system_groups,
)
from angora_train.analysis.lesioning.sweep import Sweep
from angora_train.config.loading import load_config
from angora_train.errors import AngoraError, ConfigError
from angora_train.run.preparation import prepare
from atlasnet import (
    Lesion,
    NetworkSpec,
    SnapshotSource,
    hand_interface,
    plan_network,
    preset_graph,
)
from atlasnet.errors import SpecError
from atlasnet.plan.area import AreaSpec
from atlasnet.plan.pathway import PathwaySpec
from atlasnet.plan.sensation import InputSpec
from atlasnet.plan.spec import ValueSpec

UNITS = {"S": 9, "A": 10, "B": 20, "C": 30, "D": 40, "E": 50, "M": 9}
SYSTEMS = {"S": "sensory", "A": "front", "B": "front", "C": "back", "D": "back"}


def chain() -> NetworkSpec:
    """S -> A -> B -> C -> D -> E -> M; sensed is S, acting M, E has no system."""
    names = list(UNITS)
    return NetworkSpec(
        name="chain",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(
                name=n,
                n_units=u,
                cell="rate",
                system=SYSTEMS.get(n, "motor" if n == "M" else None),
            )
            for n, u in UNITS.items()
        ),
        pathways=tuple(
            PathwaySpec(
                source=a,
                target=b,
                timing="same_step",
                direction="feedforward",
                direction_rule="cited",
            )
            for a, b in pairwise(names)
        ),
        inputs=(InputSpec(name="touch", size=2, areas=("S",)),),
        action_areas=("M",),
        policy_size=2,
        value=ValueSpec(areas=("M",)),
    )


def test_groups_are_the_systems_of_the_network() -> None:
    assert system_groups(chain()) == {
        "sensory": ("S",),
        "front": ("A", "B"),
        "back": ("C", "D"),
        "motor": ("M",),
    }


def test_a_network_of_one_system_has_no_groups() -> None:
    spec = chain()
    areas = [a.model_copy(update={"system": "front"}) for a in spec.areas]
    with pytest.raises(ConfigError, match=r"no two systems.*--group NAME=AREA,AREA"):
        system_groups(spec.model_copy(update={"areas": tuple(areas)}))


def test_random_lesions_have_as_many_areas_and_nearly_as_many_units() -> None:
    # A + D have 50 units, too; the group itself is no random lesion.
    sets = matched_areas(chain(), ("B", "C"), 1, np.random.default_rng(0))
    assert sets == [("A", "D")]
    # No other pair is within a tenth. The nearest come next: A + C (40), A + E and
    # B + D (60), in an order that chance decides.
    more = matched_areas(chain(), ("B", "C"), 4, np.random.default_rng(0))
    assert more[0] == ("A", "D")
    assert set(more[1:]) == {("A", "C"), ("A", "E"), ("B", "D")}


def test_neither_sensory_entries_nor_action_areas_are_drawn() -> None:
    for n in range(1, 6):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            for areas in matched_areas(chain(), tuple("SABCDEM"[:n]), 50, rng):
                assert not {"S", "M"} & set(areas)
                assert len(set(areas)) == n
    # Five areas are neither: six of them there are not.
    assert matched_areas(chain(), tuple("SABCDE"), 5, np.random.default_rng(0)) == []


def test_the_seed_and_the_name_of_the_group_decide_the_draws() -> None:
    spec = chain()
    both = lesion_sets(spec, {"x": ["A"], "y": ["B", "C"]}, n_random=3, seed=7)
    alone = lesion_sets(spec, {"y": ["C", "B"]}, n_random=3, seed=7)
    assert [x for x in both if x.group == "y"] == alone[1:]
    assert both[0] == LesionSet(INTACT, None, (), 0, 0, 0)
    assert alone[1] == LesionSet("y", None, ("B", "C"), 50, 0, 0)
    assert [x.draw for x in alone] == [None, None, 1, 2, 3]
    # A + D has none of B and C; of the next nearest A + C and B + D have one.
    shared = {x.areas: x.n_shared for x in alone[2:]}
    assert all(n == len({"B", "C"} & set(areas)) for areas, n in shared.items())
    assert shared["A", "D"] == 0
    (_, ends) = lesion_sets(spec, {"ends": ["S", "A", "M"]}, n_random=0)
    assert (ends.n_sensed, ends.n_acting, ends.n_units) == (1, 1, 28)


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"x": []}, ConfigError, "'x' cannot be lesioned: .* at least one area"),
        ({INTACT: ["A"]}, ConfigError, "a name other than 'intact'"),
        (
            {"x": ["AA"]},
            SpecError,
            "No area 'AA' in 'chain'.* There are: S, A, B",
        ),
    ],
)
def test_groups_that_cannot_be_are_refused(
    groups: dict[str, list[str]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        lesion_sets(chain(), groups)


def test_a_name_of_several_areas_is_a_group_of_all_of_them() -> None:
    """As with `evaluate --lesion M1`: M1 is 4a and 4p, and together with 4a no more."""
    spec = plan_network(graph := preset_graph(SnapshotSource()), hand_interface(graph))
    for named in (["M1"], ["M1", "4a"]):
        (_, group) = lesion_sets(spec, {"motor": named}, n_random=0)
        assert (group.areas, group.n_acting) == (("4a left", "4p left"), 2)


def study() -> LesionStudy:
    groups = {"front": ["A", "B"], "ends": ["S", "M"]}
    every = (intact(chain()), *group_conditions(chain(), groups, n_random=2))
    met = np.array([[1, 1, 1, 0]] * len(every), np.float64)
    met[1] = [0, 0, 1, 1]  # front: two lost, one won
    met[2] = [0, 1, 1, 0]  # random: one lost
    met[4] = 0.0  # ends
    outcomes = tuple({"return": 2 * x, "success": x} for x in met)
    sweep = Sweep(every, outcomes, np.zeros(4, np.int64))
    return LesionStudy.of(effects({"run": sweep}))


def test_drops_are_paired_and_stand_beside_those_of_random_lesions() -> None:
    found = study()
    assert found.n_episodes == 4
    assert found.intact.success == 0.75
    front, beside = found.groups["front"]
    # 1, 1, 0, -1 in the four episodes.
    assert (front.success, front.drop.mean) == (0.5, 0.25)
    # Among resamples of these four, means of -1 to 1 occur; the middle 95 % lie within.
    assert front.drop.low < 0.25 < front.drop.high
    assert [x.drop.mean for x in beside] == [0.25, 0.0]
    # The group's drop is 0.25, that of its random lesions 0.125 on average.
    assert front.beyond is not None
    assert front.beyond.mean == pytest.approx(0.125)
    ends, _ = found.groups["ends"]
    assert ends.drop.mean == 0.75
    assert all(x.beyond is None for x in beside)
    assert found.notes() == [
        "ends: of its 2 areas 1 that a sensation enters and 1 that the action head "
        "reads; no random lesion has one."
    ]


def test_a_study_survives_its_table(tmp_path: Path) -> None:
    found = study()
    found.save(tmp_path / "lesion.csv")
    again = LesionStudy.load(tmp_path / "lesion.csv")
    assert again == found
    header = (tmp_path / "lesion.csv").read_text().splitlines()[0]
    assert header.startswith("subject,condition,kind,draw,areas,n_areas,units,sensed,")
    with pytest.raises(AngoraError, match="no table of lesions"):
        LesionStudy.load(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AngoraError, match=r"no table of lesions.*angora-train lesion "):
        LesionStudy.load(tmp_path / "other.csv")


def test_the_figure_has_a_dot_for_each_lesion() -> None:
    found = study()
    ax = plot_lesions(found)
    dots = sorted(line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o")
    assert dots == sorted(x.drop.mean for x in found.outcomes[1:])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "front\n2 areas, 30 units",
        "ends\n2 areas, 18 units\n(1 sensed, 1 acting)",
    ]


REGIONS = ["Area 4p (PreCG)", "Area 3a (PostCG)", "Area 2 (PostCS)", "Area hIP2 (IPS)"]


@pytest.mark.slow
def test_a_lesioned_group_does_as_with_the_intervention() -> None:
    changes = [
        f"network.regions={REGIONS}",
        "network.units={total: 64, floor: 8}",
        "task.options={episode_s: 0.2, rewards: {success_distance_m: 0.08}}",
    ]
    config = load_config("reach", changes)
    ready = prepare(config, range(12))
    found = lesion_groups(ready, 3, n_random=1)
    for name, (own, _) in found.groups.items():
        lesions = [Lesion(area=area) for area in own.lesion.areas]
        other = prepare(config, range(12), interventions=lesions)
        actor = AgentActor(choosing(other.agent(), "expected"))
        success = evaluate(actor, other.task, 3).success
        assert own.success == success.mean(), name
    whole = evaluate(AgentActor(choosing(ready.agent(), "expected")), ready.task, 3)
    assert found.intact.success == whole.success.mean()
