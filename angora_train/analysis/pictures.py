# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos as files, and sheets of many pictures.

A frame is an array of shape (H, W, 3), uint8, as `angora_train.tasks.base.Task.picture`
draws it. GIF, APNG and WebP are written by Pillow, MP4 by PyAV.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from angora_train.errors import TaskError
from atlasnet.files import replacing

__all__ = ["contact_sheet", "film", "write_picture", "write_video"]

_Frame = NDArray[np.uint8]

_ANIMATED: Mapping[str, Mapping[str, Any]] = {
    ".gif": {"optimize": True},
    ".png": {},
    ".webp": {"quality": 80, "method": 3},
}
_SUFFIXES = (*_ANIMATED, ".mp4")
_MARGIN_PX = 4
_TITLE_PX = 22
_INK, _PAPER = (20, 24, 30), (255, 255, 255)


def write_picture(
    frame: _Frame, path: Path | str, n_colours: int | None = None
) -> None:
    """Write a picture; its suffix says how.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W, 3)
        Red, green and blue.
    path : Path or str
        Where to; ``.png`` is usual. A file of that name is replaced.
    n_colours : int, optional
        Keep only so many colours, at most 256, for a smaller file.

    Raises
    ------
    TaskError
        If the frame is no picture.
    """
    image = _image(frame)
    if n_colours is not None:
        image = image.quantize(n_colours, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        image.save(temporary, optimize=True)


def write_video(frames: Iterable[_Frame], path: Path | str, fps: float) -> None:
    """Write a video; its suffix says how.

    Parameters
    ----------
    frames : iterable of ndarray of uint8, shape (H, W, 3)
        One picture after the other, all of one size; a generator is read as it goes
        (at once for ``.png``, which is gone through twice).
    path : Path or str
        Where to: ``.webp``, ``.gif``, ``.png`` (animated) or ``.mp4``. A file of that
        name is replaced.
    fps : float
        Pictures a second; for the pace of the world, 1 over `control_step_s`.

    Raises
    ------
    TaskError
        If the suffix is unknown, there is no frame, frames differ in size, or an MP4
        is asked for where PyAV is not installed or cannot encode the frames.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise TaskError(
            f"A video cannot be written as '{path.name}'. Suffixes: "
            f"{', '.join(_SUFFIXES)}."
        )
    if not fps > 0:
        raise TaskError(f"A video has {fps} pictures a second; expected more than 0.")
    images = _alike(frames)
    first = next(images, None)
    if first is None:
        raise TaskError(f"There is no frame to be written to {path}.")
    with replacing(path) as temporary:
        if suffix == ".mp4":
            _encode(chain([first], images), first.size, temporary, fps)
            return
        first.save(
            temporary,
            save_all=True,
            append_images=list(images) if suffix == ".png" else images,
            duration=1000.0 / fps,
            loop=0,
            **_ANIMATED[suffix],
        )


def film(task: Any, act: Callable[[Any], Any], n_steps: int) -> Iterator[_Frame]:
    """Draw the first world of a task, step by step.

    Parameters
    ----------
    task : Task
        A batch of worlds that was reset.
    act : callable
        Called with the observation, as the task's `step` returns it, or None before
        the first step; returns actions, shape (B, A).
    n_steps : int
        Number of steps.

    Yields
    ------
    ndarray of uint8, shape (H, W, 3)
        The world before the first step and after each.
    """
    yield task.picture()
    observation = None
    for _ in range(n_steps):
        observation, *_ = task.step(act(observation))
        yield task.picture()


def contact_sheet(pictures: Mapping[str, _Frame], n_columns: int = 4) -> _Frame:
    """Put pictures of one size side by side, each below its title.

    Parameters
    ----------
    pictures : mapping of str to ndarray of uint8, shape (H, W, 3)
        By title, row by row.
    n_columns : int
        Pictures in a row.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        The sheet.

    Raises
    ------
    TaskError
        If there is no picture, or they differ in size.
    """
    images = list(_alike(pictures.values()))
    if not images or n_columns < 1:
        raise TaskError("A contact sheet needs at least one picture and one column.")
    width, height = (side + _MARGIN_PX for side in images[0].size)
    height += _TITLE_PX
    n_rows = -(-len(images) // n_columns)
    size = (
        min(n_columns, len(images)) * width + _MARGIN_PX,
        n_rows * height + _MARGIN_PX,
    )
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=0.7 * _TITLE_PX)
    for i, (title, image) in enumerate(zip(pictures, images, strict=True)):
        left = _MARGIN_PX + i % n_columns * width
        top = _MARGIN_PX + i // n_columns * height
        pen.text((left, top), title, fill=_INK, font=font)
        sheet.paste(image, (left, top + _TITLE_PX))
    return np.asarray(sheet)


def _image(frame: _Frame) -> Image.Image:
    """Turn an array into an image, if it is one."""
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise TaskError(
            f"A picture is uint8 of shape (H, W, 3), got {frame.dtype} of shape "
            f"{frame.shape}."
        )
    return Image.fromarray(frame)


def _alike(frames: Iterable[_Frame]) -> Iterator[Image.Image]:
    """Yield images, and refuse one of another size than the first."""
    size: tuple[int, int] | None = None
    for i, frame in enumerate(frames):
        image = _image(frame)
        size = image.size if size is None else size
        if image.size != size:
            raise TaskError(
                f"Picture {i} measures {image.width} x {image.height} pixels, those "
                f"before {size[0]} x {size[1]}."
            )
        yield image


def _encode(
    images: Iterable[Image.Image], size: tuple[int, int], path: Path, fps: float
) -> None:
    """Write an MP4 that every browser plays."""
    try:
        import av
    except ImportError as error:
        raise TaskError(
            "An MP4 needs the package av, which is not installed. Install it (pip "
            "install av), or write .webp or .gif."
        ) from error
    width, height = (side + side % 2 for side in size)  # colours are halved both ways
    try:
        with av.open(path, "w", "mp4", options={"movflags": "+faststart"}) as container:
            rate = Fraction(fps).limit_denominator(1000)
            stream = container.add_stream("libx264", rate, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for image in images:
                padded = image.crop((0, 0, width, height))
                container.mux(
                    stream.encode(av.VideoFrame.from_ndarray(np.asarray(padded)))
                )
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise TaskError(f"The video '{path.name}' was not written: {error}.") from error
