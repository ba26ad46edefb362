# SPDX-License-Identifier: Apache-2.0
"""What a network of areas costs beside an LSTM network of equal parameters.

``python benchmarks/networks.py [--quick] [--json]``

One process on one core, with the trainer's own `Agent`, loss and engine. The network of
areas is the blind preset `fpn` with 2,048 units; beside it stands a dense layer and an
LSTM half as wide, the ratio of the plain network `wide`, with the same heads, as wide
as makes the parameters equal. Both take turns, step by step and update by update, so
that a busy machine slows both alike. Medians.

Figures
-------
fpn_parameters, wide_parameters
    Parameters of both.
fpn_policy_ms, wide_policy_ms
    A policy step for 32 worlds: `Agent.act`.
fpn_policy_vs_wide
    Median of the ratios of neighbouring steps.
fpn_update_samples_per_s, wide_update_samples_per_s
    Control steps of an update, the gradient on 192 chunks of 16 steps and Adam's step,
    per second.
fpn_update_vs_wide
    Median of the ratios of neighbouring updates' times.
fpn_policy_compile_s, fpn_update_compile_s
    The first call less a later one.
compact_policy_vs_wide, compact_update_vs_wide
    The preset `fpn-compact` with 2,048 units, beside an LSTM network of its size.
update_mb_per_chunk
    Memory that an update of `fpn` takes for each further chunk.
update_memory_growth
    Memory for the second doubling of the number of chunks over twice that for the
    first: 1 is linear.
visual_parameters
    Parameters of the preset `fpn-visual`: 35 areas, pixels of 84 x 84 x 3.
visual_policy_samples_per_s, visual_update_samples_per_s
    Control steps per second of a policy step for 32 worlds, and of an update of 32
    chunks of 16 steps.
visual_policy_vs_blind, visual_update_vs_blind
    Median of the ratios of neighbouring times, `fpn-visual` over the blind `fpn` with
    the same numbers of worlds and chunks.
visual_update_mb_per_chunk
    Memory that an update of `fpn-visual` takes for each further chunk.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from figures import Figures, figure, make_parser, present
from processes import run

N_WORLDS = 32
N_CHUNKS = 192
CHUNK_LENGTH = 16
N_UNITS = 2048
N_POLICY_STEPS = 20
"""Policy steps of a round; the round's time is their sum."""
MEMORY_CHUNKS = (192, 384, 768)
N_VISUAL_CHUNKS = 32
VISUAL_MEMORY_CHUNKS = (32, 64)


def main() -> None:
    """Measure, and print one object or a table."""
    parser = make_parser("What a network of areas costs.", "few rounds")
    parser.add_argument(
        "--visual", action="store_true", help="Only networks that see pixels."
    )
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    from atlasnet.quiet import import_keras

    import_keras()

    from angora_train.run.trainer import pin_to_core

    pin_to_core(0)
    n_rounds = 3 if options.quick else 15
    if options.visual:
        figures = measure_visual(n_rounds)
    else:
        # In a process of its own: what a process took at most is taken for good.
        quick = ["--quick"] if options.quick else []
        command = [sys.executable, __file__, "--visual", "--json", *quick]
        visual = json.loads(run(command, timeout_s=1800))
        figures = {**measure(n_rounds), **visual}
    present(figures, as_json=options.json)


def measure(n_rounds: int) -> Figures:
    """Return the figures of blind networks."""
    figures: dict[str, Any] = {}
    kept = None
    for preset, name in (("fpn", "fpn"), ("fpn-compact", "compact")):
        areas = area_network(preset)
        plain = lstm_network(areas)
        ours, theirs = _Subject(areas), _Subject(plain)
        policy = _in_turn(ours.act, theirs.act, n_rounds)
        update = _in_turn(ours.update, theirs.update, n_rounds)
        ratios = {
            f"{name}_policy_vs_wide": figure(policy.ratio, "1"),
            f"{name}_update_vs_wide": figure(update.ratio, "1"),
        }
        if preset == "fpn":
            n_samples = N_CHUNKS * CHUNK_LENGTH
            figures = {
                "fpn_parameters": figure(areas.count_params(), "1"),
                "wide_parameters": figure(plain.count_params(), "1"),
                "fpn_policy_ms": figure(1000 * policy.ours_s / N_POLICY_STEPS, "ms"),
                "wide_policy_ms": figure(1000 * policy.theirs_s / N_POLICY_STEPS, "ms"),
                "fpn_update_samples_per_s": figure(n_samples / update.ours_s, "1/s"),
                "wide_update_samples_per_s": figure(n_samples / update.theirs_s, "1/s"),
                "fpn_policy_compile_s": figure(policy.compile_s, "s"),
                "fpn_update_compile_s": figure(update.compile_s, "s"),
            }
            kept = ours
        figures |= ratios
    if kept is not None:
        figures |= _memory(kept)
    return figures


def measure_visual(n_rounds: int) -> Figures:
    """Return the figures of a network that sees pixels, beside one that sees a pose."""
    visual = area_network("fpn-visual")
    ours = _Subject(visual, N_VISUAL_CHUNKS)
    theirs = _Subject(area_network("fpn"), N_VISUAL_CHUNKS)
    policy = _in_turn(ours.act, theirs.act, n_rounds)
    update = _in_turn(ours.update, theirs.update, n_rounds)
    n_acted = N_WORLDS * N_POLICY_STEPS
    n_learned = N_VISUAL_CHUNKS * CHUNK_LENGTH
    few, many = VISUAL_MEMORY_CHUNKS
    peaks_mb = [_peak_mb(ours, n_chunks) for n_chunks in VISUAL_MEMORY_CHUNKS]
    growth_mb = (peaks_mb[1] - peaks_mb[0]) / (many - few)
    return {
        "visual_parameters": figure(visual.count_params(), "1"),
        "visual_policy_samples_per_s": figure(n_acted / policy.ours_s, "1/s"),
        "visual_update_samples_per_s": figure(n_learned / update.ours_s, "1/s"),
        "visual_policy_vs_blind": figure(policy.ratio, "1"),
        "visual_update_vs_blind": figure(update.ratio, "1"),
        "visual_update_mb_per_chunk": figure(growth_mb, "MB"),
    }


def area_network(preset: str) -> Any:
    """Return the network of a preset, blind if it can be, 2,048 units without a map."""
    import atlasnet

    graph = atlasnet.preset_graph(atlasnet.SnapshotSource(), preset, blind=True)
    interface = atlasnet.hand_interface(graph, preset=preset)
    rule = atlasnet.UnitRule(total=N_UNITS)
    return atlasnet.build_model(atlasnet.plan_network(graph, interface, rule))


def lstm_network(areas: Any) -> Any:
    """Return a dense layer, an LSTM and the heads of a network, of equal parameters.

    Parameters
    ----------
    areas : keras.Model
        The network to be compared with.

    Returns
    -------
    keras.Model
        Same inputs and outputs; the number of its parameters is as near as the width
        of the LSTM allows.
    """
    low, high = 1, 4096
    while high - low > 1:
        middle = (low + high) // 2
        if _n_parameters(areas, middle) <= areas.count_params():
            low = middle
        else:
            high = middle
    return _lstm_network(areas, low)


def _n_parameters(areas: Any, width: int) -> int:
    """Return the parameters of the LSTM network of a width."""
    sizes = {t.name: t.shape[-1] for t in areas.inputs}
    auxiliary = sizes.pop("auxiliary", 0)
    n_inputs, wide = sum(sizes.values()), 2 * width
    n_dense = (n_inputs + 1) * wide
    n_lstm = 4 * width * (wide + width + 1)
    n_policy = (width + 1) * int(areas.output["policy"].shape[-1])
    n_value = (width + auxiliary + 1) * 128 + 129 * 128 + 129
    return int(n_dense + n_lstm + n_policy + n_value)


def _lstm_network(areas: Any, width: int) -> Any:
    """Return the LSTM network of a width."""
    import keras

    inputs = {t.name: keras.Input(t.shape[1:], name=t.name) for t in areas.inputs}
    seen = [tensor for name, tensor in inputs.items() if name != "auxiliary"]
    x = keras.layers.Concatenate()(seen)
    x = keras.layers.Dense(2 * width, activation="relu", name="dense")(x)
    x = keras.layers.LSTM(width, return_sequences=True, name="lstm")(x)
    n_policy = int(areas.output["policy"].shape[-1])
    policy = keras.layers.Dense(n_policy, name="policy")(x)
    value = x
    if "auxiliary" in inputs:
        value = keras.layers.Concatenate()([x, inputs["auxiliary"]])
    for i in (1, 2):
        value = keras.layers.Dense(128, activation="tanh", name=f"value_{i}")(value)
    value = keras.layers.Dense(1, name="value")(value)
    return keras.Model(inputs, {"policy": policy, "value": value}, name="wide")


class _Times:
    """Times of two subjects that took turns.

    Attributes
    ----------
    ours_s, theirs_s : float
        Median times, s.
    ratio : float
        Median of ours over theirs, round by round.
    compile_s : float
        What our first call took beyond a later one.
    """

    def __init__(self, ours_s: list[float], theirs_s: list[float]) -> None:
        first, *mine = ours_s
        others = theirs_s[1:]
        self.ours_s = statistics.median(mine)
        self.theirs_s = statistics.median(others)
        self.ratio = statistics.median(a / b for a, b in zip(mine, others, strict=True))
        self.compile_s = first - self.ours_s


def _in_turn(
    ours: Callable[[], float], theirs: Callable[[], float], n_rounds: int
) -> _Times:
    """Let two subjects work in turn; the first round compiles."""
    pairs = [(ours(), theirs()) for _ in range(n_rounds + 1)]
    mine, others = zip(*pairs, strict=True)
    return _Times(list(mine), list(others))


class _Subject:
    """A network that acts and is updated on random numbers."""

    def __init__(self, model: Any, n_chunks: int = N_CHUNKS) -> None:
        import keras
        import numpy as np

        from angora_train.agent.agent import Agent
        from angora_train.agent.distributions import MultiCategorical
        from angora_train.agent.normalization import SensationNormalizer
        from angora_train.engine import make_engine

        self._rng = np.random.default_rng(0)
        self._np = np
        engine = make_engine()
        self.distribution = MultiCategorical(20, 11)
        self._shapes = {t.name: tuple(t.shape[2:]) for t in model.inputs}
        read = {name: s[0] for name, s in self._shapes.items() if len(s) == 1}
        self.agent = Agent(model, self.distribution, SensationNormalizer(read), engine)
        variables = self.agent.stateful.model.trainable_variables
        self._gradient = engine.gradient(self._loss, variables)
        self._apply = engine.update(keras.optimizers.Adam(1e-4), variables)
        self._observation = self._sense(N_WORLDS)
        self._uniforms = self._rng.random(
            (N_WORLDS, self.agent.n_uniforms), dtype=np.float32
        )
        self._batch = self.batch(n_chunks)

    def _draw(self, *shape: int) -> Any:
        """Return normal random numbers."""
        return self._rng.standard_normal(shape, self._np.float32)

    def _sense(self, *steps: int) -> dict[str, Any]:
        """Return random sensations: numbers, or the bytes of pixels."""
        return {
            name: self._draw(*steps, *shape)
            if len(shape) == 1
            else self._rng.integers(0, 256, (*steps, *shape), self._np.uint8)
            for name, shape in self._shapes.items()
        }

    def batch(self, n_chunks: int) -> dict[str, Any]:
        """Return a minibatch of random numbers."""
        np = self._np
        steps = (n_chunks, CHUNK_LENGTH)
        shapes = self.agent.stateful.state_shapes
        return {
            **self._sense(*steps),
            **{
                name: np.zeros((n_chunks, *s), np.float32) for name, s in shapes.items()
            },
            "is_first": np.zeros(steps, np.float32),
            "sample": self._rng.integers(0, 11, (*steps, 20)).astype(np.float32),
            "log_prob": np.full(steps, -48.0, np.float32),
            "advantage": self._draw(*steps),
            "value": self._draw(*steps),
            "value_target": self._draw(*steps),
            "mask": np.ones((n_chunks, 1), np.bool_),
        }

    def _loss(self, batch: Any) -> Any:
        """Return the loss of a minibatch: compiled."""
        from angora_train.config.run import PPOConfig
        from angora_train.learning.losses import ppo_loss

        model = self.agent.stateful.model
        inputs = {x.name: batch[f"given/{x.name}"] for x in model.inputs}
        outputs = model(self.agent.as_floats(inputs), training=True)
        return ppo_loss(outputs, batch, self.distribution, PPOConfig())

    def act(self) -> float:
        """Take some policy steps; return their time, s."""
        state = self.agent.initial_state(N_WORLDS)
        is_first = self._np.zeros(N_WORLDS, self._np.bool_)
        start = time.perf_counter()
        for _ in range(N_POLICY_STEPS):
            step = self.agent.act(self._observation, state, is_first, self._uniforms)
            state = step.state
        return time.perf_counter() - start

    def update(self, batch: Any = None) -> float:
        """Take one update; return its time, s."""
        given = self._batch if batch is None else batch
        start = time.perf_counter()
        flat, _ = self._gradient(given)
        self._apply(0.0 * flat, 1e-4)
        return time.perf_counter() - start


def _memory(subject: _Subject) -> Figures:
    """Return what updates of growing size take beyond the smaller ones."""
    small, middle, large = (_peak_mb(subject, n) for n in MEMORY_CHUNKS)
    n_small, _, n_large = MEMORY_CHUNKS
    return {
        "update_mb_per_chunk": figure((large - small) / (n_large - n_small), "MB"),
        "update_memory_growth": figure((large - middle) / (2 * (middle - small)), "1"),
    }


def _peak_mb(subject: _Subject, n_chunks: int) -> float:
    """Return the most memory that the process has taken after updates of a size."""
    batch = subject.batch(n_chunks)
    for _ in range(2):
        subject.update(batch)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
