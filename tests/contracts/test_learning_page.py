# SPDX-License-Identifier: Apache-2.0
"""Published results stand beside ours, with their sources."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from tests.contracts.documents import ROOT

FOLDER = ROOT / "benchmarks" / "learning"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Load the module as the script beside it does."""
    monkeypatch.syspath_prepend(FOLDER)
    import published

    yield published
    monkeypatch.delitem(sys.modules, "published")


@pytest.fixture
def results(published: Any) -> Any:
    return published.read_published(FOLDER / "published.json")


@pytest.fixture
def pair(published: Any) -> tuple[Any, Any]:
    """Give one result with a curve and one without."""
    source = published.Source("sb3", "S", "SB3", "they", "https://a", "One run", "told")
    point = published.Published(source, "Hopper-v3", "https://a", 1, 1_000_000, 2410.4)
    other = replace(source, name="tianshou", mark="T", title="Tianshou", who="others")
    curve = ((10, -90.0), (100, 20.0), (200, 35.0))
    return point, published.Published(
        other, "Hopper-v2", "https://b", 10, 200, 35.0, 2.5, curve
    )


def test_every_published_result_is_of_an_environment_of_the_page(results: Any) -> None:
    assert set(results) <= {path.stem for path in FOLDER.glob("*.yaml")}
    for entries in results.values():
        assert len({one.source.mark for one in entries}) == len(entries) >= 1


def test_published_numbers_are_within_a_million_steps_and_have_an_address(
    results: Any,
) -> None:
    for one in (one for entries in results.values() for one in entries):
        assert one.address.startswith("https://github.com/")
        assert one.n_runs >= 1
        steps = [step for step, _ in one.curve]
        assert len(steps) <= 40
        assert all(a < b for a, b in pairwise(steps))
        assert max([one.control_steps, *steps]) == one.control_steps <= 1_000_000
        values = [one.value, *(value for _, value in one.curve)]
        assert values == [float(f"{value:.4g}") for value in values]


def test_the_page_shows_what_is_published(published: Any, results: Any) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, entries in results.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| [{name}]")]
        assert row.endswith(f"| {published.cell(entries)} |")
    for line in published.source_list(results):
        assert line in page


def test_a_cell_says_value_steps_and_source(published: Any, pair: Any) -> None:
    assert published.cell(pair) == "2410 (1M) S<br>35 ± 2.5 (0.2k) T"
    assert published.cell(()) == ""
    told = [published.short_steps(n) for n in (81_920, 819_200, 983_040, 999_424)]
    assert told == ["82k", "820k", "980k", "1M"]


def test_sources_are_listed_once_with_their_environments(
    published: Any, pair: Any
) -> None:
    point, line = pair
    more = replace(line, task="Walker2d-v2", n_runs=5)
    one, other = published.source_list({"hopper": (line, point), "walker2d": (more,)})
    assert one == (
        "- S: they, <https://a>. One run; 1 run an environment. Control steps: told. "
        "Environments: Hopper-v3."
    )
    assert other.startswith("- T: others, <https://a>. One run; 5 to 10 runs an")
    assert other.endswith("[Hopper-v2](https://b), [Walker2d-v2](https://b).")
    assert [h.get_label() for h in published.handles({"hopper": pair})] == [
        "SB3 (S)",
        "Tianshou (T)",
    ]


def test_a_panel_shows_ours_all_points_and_curves_but_for_their_start(
    published: Any, pair: Any
) -> None:
    point, line = pair
    # A point beyond our last step widens the panel, a curve does not.
    assert published.widest(500, [line]) == 500
    assert published.widest(500, [line, point]) == 1_000_000
    # Of the curve, 20 and 35 count: -90 is within the first tenth of 200 steps.
    assert published.limits((0.0, 30.0), [line], 200) == (0.0, 35.0)
    assert published.limits((25.0, 30.0), [line, point], 200) == (20.0, 2410.4)
    assert published.limits((25.0, 30.0), [line], 150) == (20.0, 30.0)


def test_a_curve_is_dashed_and_a_point_labelled(published: Any, pair: Any) -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    ax.set_ylim(0, 40)
    published.draw(pair, ax, 1_000_000)
    marker, curve = ax.lines
    assert (marker.get_marker(), curve.get_linestyle()) == ("D", "--")
    assert [text.get_text() for text in ax.texts] == ["2410"]
    assert ax.get_xlim() == (0, 1_020_000)
