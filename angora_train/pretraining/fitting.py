# SPDX-License-Identifier: Apache-2.0
"""Fitting: from pictures to a network that tells the cube's pose, and its error."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from angora_train.config.run import PretrainingConfig
from angora_train.engine import Engine, make_engine
from angora_train.errors import DivergenceError
from angora_train.pretraining.images import PoseImages, load_images, make_images
from angora_train.pretraining.network import POSITION, ROTATION, pose_network
from angora_train.pretraining.rotation import (
    from_matrix,
    matrices,
    mean_orientation,
    to_six_numbers,
    turned_apart,
)
from angora_train.tasks.cube.orientation import angle_between
from atlasnet import save_model
from atlasnet.files import write_text

__all__ = ["MODEL_FILE", "PoseErrors", "Pretrained", "pose_errors", "pretrain"]

MODEL_FILE = "pose.keras"
_REPORT_FILE = "report.json"
_BRIGHTEST = 255.0
_M_PER_CM = 0.01

Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is, and how much there is."""


@dataclass(frozen=True)
class PoseErrors:
    """How far poses are from the true ones.

    Attributes
    ----------
    position_cm : ndarray of float64, shape (n,)
        Distance of the places, cm.
    orientation_deg : ndarray of float64, shape (n,)
        Angle of the shorter rotation between the orientations, degrees.
    """

    position_cm: NDArray[np.float64]
    orientation_deg: NDArray[np.float64]

    def summary(self) -> dict[str, dict[str, float]]:
        """Return median and mean of both."""
        return {
            name: {"median": float(np.median(x)), "mean": float(np.mean(x))}
            for name, x in vars(self).items()
        }


@dataclass(frozen=True)
class Pretrained:
    """A network that tells the cube's pose, and how well it does.

    Attributes
    ----------
    model : keras.Model
        The network.
    held_out : PoseImages
        Pictures that it has not learned from.
    position_m, orientation : ndarray, shape (n, 3) and (n, 4)
        What it says of them.
    errors, baseline : PoseErrors
        Its errors, and those of who always says the mean pose.
    report : dict
        All numbers, as they are written.
    """

    model: keras.Model
    held_out: PoseImages
    position_m: NDArray[np.float64]
    orientation: NDArray[np.float64]
    errors: PoseErrors
    baseline: PoseErrors
    report: Mapping[str, Any]


def _tell_nobody(what: str, done: int, total: int) -> None:
    """Let progress pass unseen."""


def pretrain(
    config: PretrainingConfig,
    directory: Path | str,
    report: Report = _tell_nobody,
    n_threads: int = 1,
) -> Pretrained:
    """Make pictures, let a network learn the cube's pose from them, and measure it.

    Parameters
    ----------
    config : PretrainingConfig
        What is wanted.
    directory : Path or str
        Where ``pose.keras``, ``report.json`` and, in ``images/``, the pictures go;
        pictures that are there already are used again.
    report : callable, optional
        Told of the progress.
    n_threads : int
        Threads of the learning.

    Returns
    -------
    Pretrained
        The network, with its errors on held-out pictures.

    Raises
    ------
    ConfigError
        If the network does not fit, or the folder holds other pictures.
    DivergenceError
        If the loss is no number.
    """
    directory, engine = Path(directory), make_engine(n_threads)
    begun_s = time.monotonic()
    make_images(config, directory / "images", lambda i, n: report("pictures", i, n))
    drawn_s = time.monotonic()
    training = load_images(config, directory / "images", "training")
    held_out = load_images(config, directory / "images", "held_out")
    model = pose_network(config, training.position_m)
    losses = _fit(model, training, config, engine, report)
    learned_s = time.monotonic()
    position_m, orientation = _predict(model, held_out, config.batch_size, engine)
    errors = pose_errors(position_m, orientation, held_out)
    baseline = _baseline(training, held_out)
    found = {
        "error": errors.summary(),
        "baseline": baseline.summary(),
        "n_training": len(training),
        "n_held_out": len(held_out),
        "n_parameters": model.count_params(),
        "loss": losses,
        "drawing_s": round(drawn_s - begun_s, 1),
        "learning_s": round(learned_s - drawn_s, 1),
        "config": config.model_dump(mode="json"),
        "backend": keras.config.backend(),
        "keras": keras.__version__,
    }
    save_model(model, directory / MODEL_FILE)
    write_text(directory / _REPORT_FILE, json.dumps(found, indent=1))
    return Pretrained(model, held_out, position_m, orientation, errors, baseline, found)


def _baseline(training: PoseImages, held_out: PoseImages) -> PoseErrors:
    """Return the errors of always guessing the mean pose."""
    return pose_errors(
        training.position_m.mean(axis=0)[None],
        mean_orientation(training.orientation.astype(np.float64))[None],
        held_out,
    )


def pose_errors(
    position_m: NDArray[np.floating],
    orientation: NDArray[np.floating],
    truth: PoseImages,
) -> PoseErrors:
    """Measure how far poses are from the true ones.

    Parameters
    ----------
    position_m, orientation : ndarray, shape (n, 3) and (n, 4), or one for all
        Places, m, and unit quaternions of any sign.
    truth : PoseImages
        Where the cube is.

    Returns
    -------
    PoseErrors
        One number a picture.
    """
    apart_m = np.asarray(position_m, np.float64) - truth.position_m
    angle = angle_between(
        np.asarray(orientation, np.float64), truth.orientation.astype(np.float64)
    )
    return PoseErrors(np.linalg.norm(apart_m, axis=1) / _M_PER_CM, np.rad2deg(angle))


def _fit(
    model: keras.Model,
    images: PoseImages,
    config: PretrainingConfig,
    engine: Engine,
    tell: Report,
) -> list[float]:
    """Let the network learn; return the mean loss of every epoch."""
    spread = np.maximum(images.position_m.std(axis=0), 1e-6)

    def loss(given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        # As in a run: dropout is off, batch normalisation keeps its statistics.
        out = model(_as_numbers(given["vision"]), training=False)
        apart = (out[POSITION] - given[POSITION]) / spread
        place = ops.mean(ops.square(apart))
        turn = ops.mean(turned_apart(out[ROTATION], given[ROTATION]))
        return place + config.rotation_weight * turn, {"place": place, "turn": turn}

    variables = model.trainable_variables
    optimizer = keras.optimizers.Adam(config.learning_rate)
    gradient = engine.gradient(loss, variables)
    update = engine.update(optimizer, variables)
    rotation = to_six_numbers(images.orientation.astype(np.float64))
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 2]))
    n_batches = max(1, len(images) // config.batch_size)
    n_updates = config.n_epochs * n_batches
    losses: list[float] = []
    for epoch in range(config.n_epochs):
        order, total = rng.permutation(len(images)), 0.0
        for i in range(n_batches):
            rows = order[i * config.batch_size : (i + 1) * config.batch_size]
            batch: dict[str, NDArray[Any]] = {
                "vision": images.vision[rows],
                POSITION: images.position_m[rows],
                ROTATION: rotation[rows],
            }
            flat, metrics = gradient(batch)
            if not math.isfinite(metrics["loss"]):
                raise DivergenceError(
                    f"The loss of epoch {epoch + 1}, update {i + 1} is "
                    f"{metrics['loss']}. Lower learning_rate, now "
                    f"{config.learning_rate:g}.",
                    batch,
                )
            done = epoch * n_batches + i
            share = 0.5 * (1.0 + math.cos(math.pi * done / n_updates))
            update(flat, config.learning_rate * share)
            total += metrics["loss"]
            tell("updates", done + 1, n_updates)
        losses.append(total / n_batches)
    return losses


def _predict(
    model: keras.Model, images: PoseImages, batch_size: int, engine: Engine
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places, m, and orientations that a network sees."""

    def see(given: Mapping[str, Any]) -> dict[str, Any]:
        out = model(_as_numbers(given["vision"]), training=False)
        return {POSITION: out[POSITION], ROTATION: matrices(out[ROTATION])}

    run = engine.compile(see, model.variables)
    parts = [
        run({"vision": images.vision[i : i + batch_size]})
        for i in range(0, len(images), batch_size)
    ]
    position_m = np.concatenate([part[POSITION] for part in parts])
    rotation = np.concatenate([part[ROTATION] for part in parts])
    return position_m.astype(np.float64), from_matrix(rotation)


def _as_numbers(pixels: Any) -> Any:
    """Turn bytes into numbers between 0 and 1, as agents do."""
    return ops.cast(pixels, "float32") / _BRIGHTEST
