# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from atlasnet.layers import AreaCell
from atlasnet.layers.grouping import Schedule, group_areas
from atlasnet.model.builder import build_model
from atlasnet.plan.spec import AreaSpec, InputSpec, NetworkSpec, PathwaySpec, ValueSpec

TOUCH = ("sensation", "touch")


def widths(*areas: str) -> dict[tuple[str, str], int]:
    both = {(kind, area): 10 for area in areas for kind in ("now", "before")}
    return {TOUCH: 5, **both}


def test_areas_with_the_same_afferents_are_merged_for_any_overhead() -> None:
    afferents = {"A": [TOUCH], "B": [TOUCH]}
    groups = group_areas(afferents, widths("A", "B"), overhead=1)
    assert [group.areas for group in groups] == [("A", "B")]


def test_a_merger_must_save_more_than_it_costs() -> None:
    # Apart: 5 x 10 + 10 x 10 = 150 multiplications. Together: 15 x 20 = 300. The
    # merger pays from an overhead of more than 150.
    afferents = {"A": [TOUCH], "B": [("before", "A")]}
    for overhead, n_groups in ((150, 2), (151, 1)):
        groups = group_areas(afferents, widths("A", "B"), overhead=overhead)
        assert len(groups) == n_groups


def test_an_area_never_stands_before_what_it_reads() -> None:
    afferents = {"A": [TOUCH], "B": [("now", "A")], "C": [("now", "B"), TOUCH]}
    groups = group_areas(afferents, widths("A", "B", "C"), overhead=10**9)
    assert [group.areas for group in groups] == [("A",), ("B",), ("C",)]


def test_areas_of_different_kinds_stay_apart() -> None:
    afferents = {"A": [TOUCH], "B": [TOUCH]}
    kinds = {"A": "dense", "B": "rate"}
    groups = group_areas(afferents, widths("A", "B"), kinds, overhead=10**9)
    assert len(groups) == 2


@pytest.fixture
def mixed_spec(rng: np.random.Generator) -> NetworkSpec:
    """Ten areas with random pathways, so that groups hold zeros."""
    names = [f"A{i}" for i in range(10)]
    pathways: list[PathwaySpec] = []
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            if i == j or rng.random() < 0.5:
                continue
            is_early = i < j and rng.random() < 0.5
            pathways.append(
                PathwaySpec(
                    source=source,
                    target=target,
                    timing="same_step" if is_early else "previous_step",
                    direction="feedforward" if is_early else "feedback",
                    direction_rule="cited",
                )
            )
    return NetworkSpec(
        name="mixed",
        control_step_s=0.02,
        areas=tuple(
            AreaSpec(name=name, n_units=3 + i, cell="dense" if i < 2 else "rate")
            for i, name in enumerate(names)
        ),
        pathways=tuple(pathways),
        inputs=(
            InputSpec(name="touch", size=4, areas=("A0", "A3")),
            InputSpec(name="goal", size=2, areas=("A1", "A2")),
        ),
        action_areas=("A9",),
        policy_size=3,
        value=ValueSpec(areas=("A5",)),
    )


def n_products(schedule: Schedule) -> int:
    return len(schedule.early) + sum(len(stage) for stage in schedule.late)


def test_merged_products_give_what_single_ones_give(
    mixed_spec: NetworkSpec, rng: np.random.Generator
) -> None:
    cell: AreaCell = build_model(mixed_spec).get_layer("areas").cell
    assert n_products(cell._schedule) < n_products(cell._single) == 10
    sensed = rng.normal(size=(5, 6)).astype(np.float32)
    state = rng.normal(size=(5, cell.state_size)).astype(np.float32)
    apart, _ = cell(sensed, [state])
    with cell.prepared():
        together, _ = cell(sensed, [state])
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_absent_pathways_have_no_weights_to_learn(mixed_spec: NetworkSpec) -> None:
    cell: AreaCell = build_model(mixed_spec).get_layer("areas").cell
    for area, population in zip(mixed_spec.areas, cell.populations, strict=True):
        columns = cell.afferent_columns(area.name)
        sources = {p.source for p in mixed_spec.pathways if p.target == area.name}
        own = {area.name} if area.cell == "rate" else set()
        assert set(columns) - set(mixed_spec.sensations(area.name)) == sources | own
        assert max(part.stop for part in columns.values()) == population.kernel.shape[1]


def _merged_by_force(heard, n_drives, widths, overhead):
    """Merge the first pair that saves most, of all pairs, until none saves anything."""
    parts = [[name] for name in heard]
    sets, drives = [set(heard[name]) for name in heard], list(n_drives)

    def cost(signals, n):
        return overhead + n * sum(widths[signal] for signal in signals)

    while len(parts) > 1:
        savings = {
            (i, j): cost(sets[i], drives[i])
            + cost(sets[j], drives[j])
            - cost(sets[i] | sets[j], drives[i] + drives[j])
            for i in range(len(parts))
            for j in range(i + 1, len(parts))
        }
        i, j = max(savings, key=savings.__getitem__)
        if savings[i, j] <= 0:
            break
        parts[i] += parts.pop(j)
        sets[i] |= sets.pop(j)
        drives[i] += drives.pop(j)
    return {frozenset(part) for part in parts}


@pytest.mark.parametrize("seed", range(12))
def test_what_saves_most_is_merged_first(seed):
    rng = np.random.default_rng(seed)
    signals = [("before", f"S{i}") for i in range(6)]
    names = [f"A{i}" for i in range(9)]
    widths = {signal: int(rng.integers(1, 9)) for signal in signals}
    widths |= {("now", name): int(rng.integers(1, 9)) for name in names}
    heard = {
        name: [signals[i] for i in rng.permutation(6)[: rng.integers(1, 6)]]
        for name in names
    }
    overhead = int(rng.choice([0, 20, 100, 400]))
    groups = group_areas(heard, widths, overhead=overhead)
    drives = [widths["now", name] for name in names]
    expected = _merged_by_force(heard, drives, widths, overhead)
    assert {frozenset(group.areas) for group in groups} == expected
