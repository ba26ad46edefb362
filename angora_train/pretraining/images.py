# SPDX-License-Identifier: Apache-2.0
"""Pictures of the cube in the hand with its pose, made by the simulator, on disk.

A picture is one moment of a drop: the cube is let go above the palm in any orientation,
while the hand is asked for a random posture and then for others. So cube and hand lie
as physics lets them, and no orientation is rarer than it has to be. A data set is a
folder with ``images.json`` and files of a thousand pictures each, every one of which
follows from the seed and its own number: what is missing is made, what is there is
kept. Files to learn from and held-out ones share no drop.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from angora_train.config.run import PretrainingConfig
from angora_train.errors import ConfigError
from angora_train.tasks.cube.held import HeldCube
from angora_train.tasks.cube.orientation import canonical, uniform_orientations
from angora_train.tasks.cube.starts import held_state
from angora_train.tasks.hand.cameras import open_eyes
from angora_train.tasks.hand.model import compose_cube_model
from angora_train.tasks.worlds.simulation import Simulation
from angora_train.tasks.worlds.vision import Eyes, VisionConfig
from atlasnet.files import replacing, write_text

__all__ = ["PoseImages", "load_images", "make_images"]

Part = Literal["training", "held_out"]
Report = Callable[[int, int], None]
"""Told how many pictures there are, and how many there are to be."""

_SHARD = 1_000
"""Pictures of a file."""
_N_WORLDS = 16
"""Drops that are simulated side by side."""
_N_SHOTS = 2
"""Pictures of a drop, and postures that the hand is asked for in it."""
_N_SUBSTEPS = 4
"""Physics steps of 8 ms between two moments at which a picture may be taken."""
_WAIT = (3, 10)
"""Fewest and most such moments before a picture: a tenth to a third of a second, in
which a finger goes most of the way to its command."""
_PLACE_SPREAD_M = 0.012
"""Standard deviation of the cube's place along the palm when it is let go, m: more
than where episodes start, so that the edges of the palm are seen too."""
_HEIGHT_M = (0.015, 0.045)
"""How far above its place in the scene the cube is let go, m: no corner touches yet."""
_FARTHEST_M = 0.1
"""Distance of cube and palm beyond which no picture is taken, m: it has been lost."""
_COMMAND_SHARE = 0.8
"""Share of each actuator's range from which commands are drawn, about its middle."""
_PURPOSE = {"training": 0, "held_out": 1}
_ABOUT = "images.json"
_DECISIVE = ("height_px", "width_px", "n_cameras", "hand", "seed")
"""Settings that a picture follows from."""


@dataclass(frozen=True)
class PoseImages:
    """Pictures, and where the cube is in them.

    Attributes
    ----------
    vision : ndarray of uint8, shape (n, H, W, 3 n_cameras)
        Red, green and blue of each camera.
    position_m : ndarray of float32, shape (n, 3)
        The cube's centre in the world's frame, m.
    orientation : ndarray of float32, shape (n, 4)
        Canonical unit quaternions (w, x, y, z).
    """

    vision: NDArray[np.uint8]
    position_m: NDArray[np.float32]
    orientation: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vision)


def make_images(
    config: PretrainingConfig, folder: Path, report: Report | None = None
) -> None:
    """Make the pictures that are not in a folder yet.

    Parameters
    ----------
    config : PretrainingConfig
        How many, and how large.
    folder : Path
        Where to. Each file is written whole or not at all, so that an interrupted call
        is gone on with by another.
    report : callable, optional
        Told of the progress.

    Raises
    ------
    ConfigError
        If the folder holds pictures of other settings.
    TaskError
        If pictures cannot be drawn on this machine.
    """
    _claim(config, folder)
    shards = [*_shards("training", config), *_shards("held_out", config)]
    missing = [shard for shard in shards if not shard.path(folder).is_file()]
    n_all = sum(shard.n for shard in shards)
    n_done = n_all - sum(shard.n for shard in missing)
    tell = report or (lambda done, total: None)
    tell(n_done, n_all)
    if not missing:
        return
    scene = _Scene(config)
    try:
        for shard in missing:
            begun = n_done

            def seen(n: int, begun: int = begun) -> None:
                tell(begun + n, n_all)

            images = scene.take(shard, config.seed, seen)
            with replacing(shard.path(folder)) as temporary:
                np.savez_compressed(
                    temporary,
                    vision=images.vision,
                    position_m=images.position_m,
                    orientation=images.orientation,
                )
            n_done += shard.n
    finally:
        scene.close()


def load_images(config: PretrainingConfig, folder: Path, part: Part) -> PoseImages:
    """Read the pictures of one part.

    Parameters
    ----------
    config : PretrainingConfig
        With which they were made.
    folder : Path
        Where they are.
    part : {"training", "held_out"}
        Which.

    Returns
    -------
    PoseImages
        All of them, in memory: 21 kB each at 84 x 84 pixels.

    Raises
    ------
    ConfigError
        If they have not been made, or a file is damaged.
    """
    parts: list[dict[str, NDArray[Any]]] = []
    for shard in _shards(part, config):
        path = shard.path(folder)
        try:
            with np.load(path, allow_pickle=False) as file:
                parts.append({name: file[name] for name in file.files})
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"The pictures '{path}' cannot be read: {error}. Delete the file, and "
                "it is made anew."
            ) from error
    return PoseImages(
        *(
            np.concatenate([part[name] for part in parts])
            for name in ("vision", "position_m", "orientation")
        )
    )


def _claim(config: PretrainingConfig, folder: Path) -> None:
    """Note what a folder's pictures follow from, or check that it is the same."""
    wanted = {key: getattr(config, key) for key in _DECISIVE}
    path = folder / _ABOUT
    if not path.is_file():
        write_text(path, json.dumps(wanted, indent=1))
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(
            f"'{path}' is no JSON: {error}. Delete '{folder}'."
        ) from error
    for key, value in wanted.items():
        if found.get(key) != value:
            raise ConfigError(
                f"The pictures in '{folder}' were made with {key} {found.get(key)!r}, "
                f"wanted is {value!r}. Take another folder, or {key}={found.get(key)}."
            )


@dataclass(frozen=True, slots=True)
class _Shard:
    """One file of pictures."""

    part: Part
    number: int
    n: int

    def path(self, folder: Path) -> Path:
        """Return where it lies. Its size is in its name, so that others may follow."""
        return folder / f"{self.part}-{self.number:04d}-{self.n}.npz"


def _shards(part: Part, config: PretrainingConfig) -> list[_Shard]:
    """Return the files of a part: full ones, then a smaller one."""
    n = config.n_images if part == "training" else config.n_held_out
    sizes = [_SHARD] * (n // _SHARD) + ([n % _SHARD] if n % _SHARD else [])
    return [_Shard(part, i, size) for i, size in enumerate(sizes)]


class _Scene:
    """The hand, the cube and who looks at them."""

    def __init__(self, config: PretrainingConfig) -> None:
        self._model = compose_cube_model()
        self._start = held_state(self._model)
        self._simulation = Simulation(
            self._model, self._start, _N_WORLDS, n_substeps=_N_SUBSTEPS
        )
        shared = {"n_cameras", "height_px", "width_px", "hand"}
        vision = VisionConfig(kind="rgb", **config.model_dump(include=shared))
        eyes = open_eyes(vision, self._simulation)
        if eyes is None:
            raise ConfigError("Pretraining needs vision as pixels.")
        self._eyes: Eyes = eyes
        self._cube = HeldCube(self._simulation)
        low, high = self._model.actuator_ctrlrange.T
        self._middle, self._reach = (low + high) / 2, _COMMAND_SHARE * (high - low) / 2

    def take(self, shard: _Shard, seed: int, seen: Callable[[int], None]) -> PoseImages:
        """Drop the cube again and again until there are as many pictures as wanted."""
        rng = np.random.default_rng(
            np.random.SeedSequence([seed, _PURPOSE[shard.part], shard.number])
        )
        rows: list[tuple[NDArray[np.uint8], NDArray[np.float64]]] = []
        while len(rows) < shard.n:
            for world in range(_N_WORLDS):
                self._simulation.place(world, self._let_go(rng))
            is_sound = np.ones(_N_WORLDS, np.bool_)
            for _ in range(_N_SHOTS):
                is_sound &= self._wait(rng, is_sound)
                shown = np.flatnonzero(is_sound & self._is_held())
                frames = self._eyes.see(shown)
                pose = np.hstack([self._cube.position, self._cube.orientation])
                rows += [(frames[w], pose[w]) for w in shown]
            seen(min(len(rows), shard.n))
        poses = np.stack([pose for _, pose in rows[: shard.n]])
        return PoseImages(
            np.stack([frame for frame, _ in rows[: shard.n]]),
            poses[:, :3].astype(np.float32),
            canonical(poses[:, 3:]).astype(np.float32),
        )

    def _let_go(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Joint positions with the cube above the palm, in any orientation."""
        qpos: NDArray[np.float64] = self._start.qpos.copy()
        cube = self._cube.address
        qpos[cube : cube + 2] += rng.normal(0.0, _PLACE_SPREAD_M, 2)
        qpos[cube + 2] += rng.uniform(*_HEIGHT_M)
        qpos[cube + 3 : cube + 7] = uniform_orientations(rng, 1)[0]
        return qpos

    def _wait(
        self, rng: np.random.Generator, is_sound: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Ask for new postures and let time go on; say which worlds are sound."""
        drawn = rng.uniform(-1.0, 1.0, (_N_WORLDS, len(self._middle)))
        commands = self._middle + self._reach * drawn
        is_sound = is_sound.copy()
        for _ in range(int(rng.integers(_WAIT[0], _WAIT[1] + 1))):
            diverged = self._simulation.step(commands)
            is_sound &= ~diverged
            self._simulation.restore(np.flatnonzero(diverged))
        return is_sound

    def _is_held(self) -> NDArray[np.bool_]:
        """Tell which cubes are above the palm and near it."""
        place, palm = self._cube.position, self._cube.palm
        is_near = np.linalg.norm(place - palm, axis=1) < _FARTHEST_M
        return np.asarray((place[:, 2] > palm[:, 2]) & is_near)

    def close(self) -> None:
        """Release graphics and threads."""
        self._eyes.close()
        self._simulation.close()
