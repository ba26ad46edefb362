# SPDX-License-Identifier: Apache-2.0
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from angora_train.analysis.report import FIGURES, write_report
from angora_train.config.run import RunConfig
from angora_train.errors import AngoraError
from atlasnet import (
    NetworkSpec,
    RegionGraph,
    SnapshotSource,
    UnitRule,
    hand_interface,
    plan_network,
    preset_graph,
)
from tests.angora_train import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with all that a report reads."""
    graph = preset_graph(SnapshotSource(), "fpn", blind=True)
    spec = plan_network(graph, hand_interface(graph), name="<b>hand</b> & brain")
    graph.save(tmp_path / "graph.json")
    spec.save(tmp_path / "network.json")
    (tmp_path / "config.yaml").write_text(RunConfig().to_yaml())
    rows = "".join(json.dumps(row) + "\n" for row in samples.metrics())
    (tmp_path / "metrics.jsonl").write_text(rows)
    samples.comparison().save(tmp_path / "evaluation.json")
    samples.lesions(spec).save(tmp_path / "lesion.csv")
    facts = {
        "n_episodes": 120,
        "n_per_kind": 20,
        "kinds": ["ff", "rest"],
        "n_phases": 5,
        "n_folds": 5,
        "reliability_mean": 0.95,
        "reliability_min": 0.66,
        "reliability_min_area": "4p left",
    }
    (tmp_path / "analysis.json").write_text(json.dumps(facts))
    picture = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(picture, format="png")
    (tmp_path / "figures").mkdir()
    for name in FIGURES:
        (tmp_path / "figures" / f"{name}.png").write_bytes(picture.getvalue())
    return tmp_path


class _Reader(HTMLParser):
    """Collects tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []  # every tag is closed
    reader.text = re.sub(r"\s+", " ", reader.text)
    return reader


def test_the_report_needs_no_other_file(folder: Path) -> None:
    reader = read(write_report(folder))
    pictures = [attrs for tag, attrs in reader.tags if tag == "img"]
    assert len(pictures) == len(FIGURES)
    for attrs in pictures:
        assert str(attrs["src"]).startswith("data:image/png;base64,iVBOR")
        assert attrs["alt"]
    assert not {"script", "link", "iframe"} & {tag for tag, _ in reader.tags}
    assert not any("href" in attrs for _, attrs in reader.tags)


def test_the_report_says_what_was_found(folder: Path) -> None:
    text = read(write_report(folder, {"Atlas to network": 2.25})).text
    assert "28 areas" in text
    assert "2,048 units" in text
    assert "16,384 samples" in text
    assert "3,000 samples/s" in text  # the upper median of 1000, 2000, 3000, 4000
    # 4p has 32.54 of the 4,691.5 million cells of the 28 areas: 14.2 of 2,048 units.
    assert "4p left ▁ 32 14.2 rate action 1,547 21,035 homologue 32.5" in text
    assert "5.00 [5.00, 5.00] yes" in text  # the paired difference
    assert "0.50 [0.22, 0.78]" in text  # Wilson: (4 + z^2 / 2) / (8 + z^2) -+ 0.285
    assert "Atlas to network 2.2 s" in text
    assert "CC BY-NC-SA 4.0" in text
    assert "n_cycles: 150" in text


def test_the_report_says_how_many_areas_are_at_the_floor(folder: Path) -> None:
    reader = read(write_report(folder))
    spec = NetworkSpec.load(folder / "network.json")
    folder_graph = RegionGraph.load(folder / "graph.json")
    n = sum(area.n_units == 32 for area in spec.areas)
    assert 0 < n < 28
    assert f"{n} of 28 areas have the floor of 32 units , marked ▁" in reader.text
    assert reader.text.count("▁ 32") == n
    # Without a floor each of 28 areas has cells / 4,691.5 million of 2,048 units.
    cells = [region.cell_count for region in folder_graph.regions]
    n_fewer = sum(2048 * x / sum(cells) < 32 for x in cells)
    assert f"{n_fewer} of them would have fewer without it" in reader.text
    assert "Units are proportional to cell count" not in reader.text
    # All have units of their own where the floor is low; the claim goes with it.
    graph = RegionGraph.load(folder / "graph.json")
    rule = UnitRule(total=4096, floor=1, exponent=0.5)
    plan_network(graph, hand_interface(graph), rule).save(folder / "network.json")
    text = read(write_report(folder)).text
    assert "No area is at the floor of 1 units. Areas share units in proportion" in text
    assert "to cell count (volume times density) to the power of 0.5." in text
    assert "▁ " not in text


def test_vision_is_said_to_be_a_pose_wherever_it_is_named(folder: Path) -> None:
    text = read(write_report(folder)).text
    pose = "a pose, 15 numbers that tell where things are: no pixels"
    assert f"What is called vision here is {pose}" in text
    assert f"Vision is {pose}" in text
    assert re.search(r"V6A left \d+ [\d.]+ rate vision \(no pixels\)", text)
    graph = preset_graph(SnapshotSource(), "fpn-visual")
    graph.save(folder / "graph.json")
    seeing = hand_interface(graph, preset="fpn-visual")
    plan_network(graph, seeing).save(folder / "network.json")
    text = read(write_report(folder)).text
    assert "What is called vision here is pixels, 84 x 84 x 3" in text
    assert "no pixels" not in text


def test_the_numbers_of_the_body_are_those_of_the_run(folder: Path) -> None:
    text = read(write_report(folder)).text
    # 100 control steps of 40 ms; the network's touch, and the posture's command.
    step_s = NetworkSpec.load(folder / "network.json").control_step_s
    assert f"within {100 * step_s:g} s, thumb" in text
    assert "hand with 20 actuators and 92 touch sensors" in text


def test_lesions_stand_beside_random_ones(folder: Path) -> None:
    text = read(write_report(folder)).text
    # Of eight episodes the intact network meets all, no lesioned one any.
    assert "premotor 5" in text
    assert "0.00 1.00 [1.00, 1.00] 1.00, 1.00 0.00 [0.00, 0.00]" in text
    assert (
        "Primary motor: of its 2 areas 2 that the action head reads; no random lesion "
        "has one." in text
    )


def test_the_hand_is_shown_or_the_report_says_why_not(folder: Path) -> None:
    text = read(write_report(folder, no_pictures="No EGL here.")).text
    assert "There are no pictures of the hand: No EGL here." in text
    figures = folder / "figures"
    (figures / "hand.png").write_bytes((figures / "mds.png").read_bytes())
    (figures / "hand.webp").write_bytes(b"RIFF")
    reader = read(write_report(folder, no_pictures="No EGL here."))
    assert "no pictures of the hand" not in reader.text
    kinds = [str(a["src"])[:16] for tag, a in reader.tags if tag == "img"]
    assert kinds.count("data:image/webp;") == 1
    assert len(kinds) == len(FIGURES) + 2


def test_names_cannot_break_the_page(folder: Path) -> None:
    reader = read(write_report(folder))
    assert "<b>hand</b> & brain" in reader.text


def test_a_report_of_half_a_run_says_what_is_missing(folder: Path) -> None:
    (folder / "evaluation.json").unlink()
    (folder / "figures" / "mds.png").unlink()
    with pytest.raises(AngoraError, match=r"lacks evaluation\.json, figures/mds\.png"):
        write_report(folder)
    assert not (folder / "report.html").exists()
