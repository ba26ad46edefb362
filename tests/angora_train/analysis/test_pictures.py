# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos as files."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from angora_train.analysis.pictures import (
    contact_sheet,
    film,
    write_picture,
    write_video,
)
from angora_train.errors import TaskError
from tests.contracts.documents import ROOT

_Frame = NDArray[np.uint8]


def _plain(colour: tuple[int, int, int], height: int = 6, width: int = 8) -> _Frame:
    return np.full((height, width, 3), colour, np.uint8)


_RED, _GREEN, _BLUE = (_plain(c) for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))


def test_a_picture_is_read_as_it_was_written(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    frame = rng.integers(0, 256, (20, 30, 3), np.uint8)
    write_picture(frame, tmp_path / "new" / "a.png")
    with Image.open(tmp_path / "new" / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), frame)


def test_fewer_colours_make_a_smaller_file(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    frame = rng.integers(0, 256, (50, 50, 3), np.uint8)
    write_picture(frame, tmp_path / "all.png")
    write_picture(frame, tmp_path / "few.png", n_colours=8)
    with Image.open(tmp_path / "few.png") as image:
        few = np.asarray(image.convert("RGB"))
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 8
    assert (tmp_path / "few.png").stat().st_size < (
        (tmp_path / "all.png").stat().st_size / 3
    )


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_a_video_has_its_frames_in_order_and_its_pace(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"film{suffix}"
    write_video(iter([_RED, _GREEN, _BLUE]), path, fps=12.5)
    with Image.open(path) as video:
        assert video.n_frames == 3
        for i in range(3):
            video.seek(i)
            video.load()
            assert video.info["duration"] == pytest.approx(80, abs=1)  # ms
            shown = np.asarray(video.convert("RGB")).mean(axis=(0, 1))
            assert int(shown.argmax()) == i
    assert list(tmp_path.iterdir()) == [path]


def test_an_mp4_has_its_frames_in_order_and_its_pace(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    colours = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    write_video((_plain(colour, 47, 63) for colour in colours), path, fps=12.5)
    with av.open(path) as video:
        frames = list(video.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.08, 0.16])
    for colour, frame in zip(colours, frames, strict=True):
        shown = frame.to_ndarray(format="rgb24")
        assert shown.shape == (48, 64, 3)  # even sides, the frame at the top left
        np.testing.assert_allclose(shown[:32, :32], _plain(colour, 32, 32), atol=8)
    assert list(tmp_path.iterdir()) == [path]


def test_an_encoder_that_fails_says_why(tmp_path: Path) -> None:
    # H.264 knows no side above 16,384 pixels.
    with pytest.raises(TaskError, match=r"was not written: .+"):
        write_video([_plain((0, 0, 0), 2, 20_000)], tmp_path / "film.mp4", fps=50)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_the_encoder_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # importing it fails
    with pytest.raises(TaskError, match=r"pip install av.*\.webp"):
        write_video([_RED], tmp_path / "film.mp4", fps=50)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_video_is_one_clear_error(tmp_path: Path) -> None:
    for frames, name, fps, message in (
        ([_RED], "film.avi", 10, r"'film\.avi'\. Suffixes: \.gif"),
        ([], "film.gif", 10, "no frame"),
        ([_RED], "film.gif", 0, "0 pictures a second"),
        ([_RED, _plain((0, 0, 0), 6, 9)], "film.gif", 10, "Picture 1 measures 9 x 6"),
        ([_RED.astype(np.float32)], "film.gif", 10, "uint8 of shape"),
        ([_RED[..., 0]], "film.gif", 10, r"of shape \(6, 8\)"),
    ):
        with pytest.raises(TaskError, match=message):
            write_video(frames, tmp_path / name, fps)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    write_video([_RED], path, fps=10)
    before = path.read_bytes()

    def broken() -> Iterator[_Frame]:
        yield _GREEN
        raise RuntimeError("the world ended")

    with pytest.raises(RuntimeError, match="the world ended"):
        write_video(broken(), path, fps=10)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_sheet_has_the_pictures_row_by_row() -> None:
    sheet = contact_sheet({"a": _RED, "b": _GREEN, "c": _BLUE}, n_columns=2)
    # Two columns and two rows of 8 x 6 pixels, each with a margin of 4 and each row
    # with a title of 22: 2 * 12 + 4 wide, 2 * 32 + 4 high.
    assert sheet.shape == (68, 28, 3)
    corners = [(26, 4), (26, 16), (58, 4)]
    for (top, left), frame in zip(corners, (_RED, _GREEN, _BLUE), strict=True):
        np.testing.assert_array_equal(sheet[top : top + 6, left : left + 8], frame)
    assert (sheet[58:64, 16:24] == 255).all()
    with pytest.raises(TaskError, match="at least one picture"):
        contact_sheet({})


def test_a_film_shows_the_start_and_every_step() -> None:
    class Counter:
        """A world that counts its steps in red."""

        n = 0

        def picture(self) -> _Frame:
            return _plain((self.n, 0, 0))

        def step(self, action: int) -> tuple[Any, ...]:
            self.n += action
            return self.n, None, None, None, {}

    seen: list[Any] = []

    def act(observation: Any) -> int:
        seen.append(observation)
        return 2

    frames = list(film(Counter(), act, 3))
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 2, 4, 6]
    assert seen == [None, 2, 4]


def test_the_sheet_of_all_tasks_is_small_enough_for_a_page() -> None:
    path = ROOT / "docs" / "tasks.png"
    assert path.stat().st_size < 300_000
    with Image.open(path) as sheet:
        assert sheet.width > 1000
