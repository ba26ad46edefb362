# SPDX-License-Identifier: Apache-2.0
"""Running normalisation of sensations and rewards, merged exactly over ranks.

Both are exchangeable: a config switches them off, or names a class of the user's own
that keeps to the protocol `Normalizer` or `RewardScaler`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from angora_train.agent.own import make_own
from angora_train.errors import CheckpointError, TaskError
from angora_train.ranks.comm import Comm

__all__ = [
    "IdentityNormalizer",
    "Normalizer",
    "RewardNormalizer",
    "RewardScaler",
    "RunningMoments",
    "SensationNormalizer",
    "ValueNormalizer",
    "make_normalizer",
    "make_reward_scaler",
]

Sensations = Mapping[str, NDArray[np.float32]]
"""Arrays of one row a world, by the sensation's name."""

Moments = Mapping[str, NDArray[np.float64]]
"""Moments as arrays, to be saved."""

_EPSILON = 1e-8
"""Keeps constant channels from dividing by zero; far below any physical variance."""


@dataclass(frozen=True)
class RunningMoments:
    """Count, mean and sum of squared deviations of what was seen so far.

    Attributes
    ----------
    count : float
        Samples seen.
    mean : ndarray of float64, shape (size,)
        Their mean.
    squares : ndarray of float64, shape (size,)
        Sum of their squared deviations from the mean.
    """

    count: float
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def empty(cls, size: int) -> Self:
        """Return the moments of no sample of width `size`."""
        return cls(0.0, np.zeros(size), np.zeros(size))

    @classmethod
    def of(cls, samples: NDArray[np.floating]) -> Self:
        """Return the moments of samples of shape (n, size)."""
        x = samples.astype(np.float64)
        if not len(x):
            return cls.empty(x.shape[-1])
        mean = x.mean(axis=0)
        return cls(float(len(x)), mean, np.square(x - mean).sum(axis=0))

    def merge(self, other: "RunningMoments") -> "RunningMoments":
        """Return the moments of both sets of samples together.

        References
        ----------
        Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance,
        Am Stat 37:242, eq. 2.1. https://doi.org/10.1080/00031305.1983.10483115
        """
        count = self.count + other.count
        if count == 0:
            return self
        apart = other.mean - self.mean
        return RunningMoments(
            count,
            self.mean + apart * (other.count / count),
            self.squares
            + other.squares
            + np.square(apart) * (self.count * other.count / count),
        )

    def merged(self, comm: Comm, samples: NDArray[np.floating]) -> "RunningMoments":
        """Return the moments with what every rank saw, each once, in order of rank.

        Parameters
        ----------
        comm : Comm
            The ranks.
        samples : ndarray, shape (n, size)
            What this rank saw.
        """
        seen: RunningMoments = self
        for row in comm.gather(RunningMoments.of(samples).to_array()):
            seen = seen.merge(RunningMoments.from_array(row))
        return seen

    @property
    def variance(self) -> NDArray[np.float64]:
        """Variance of the samples; 1 before the first one."""
        if self.count == 0:
            return np.ones_like(self.mean)
        return self.squares / self.count

    def to_array(self) -> NDArray[np.float64]:
        """Return count, mean and squares as one vector."""
        return np.concatenate([[self.count], self.mean, self.squares])

    @classmethod
    def from_array(cls, array: NDArray[np.float64]) -> Self:
        """Return the moments that :meth:`to_array` wrote."""
        size = (len(array) - 1) // 2
        return cls(float(array[0]), array[1 : 1 + size], array[1 + size :])


def _require_finite(samples: NDArray[np.floating], what: str) -> None:
    """Refuse samples, shape (n, size), that are infinite or no number."""
    bad = np.argwhere(~np.isfinite(samples))
    if len(bad):
        row, channel = bad[0].tolist()
        raise TaskError(
            f"{what} is {samples[row, channel]} in channel {channel}: what is learned "
            "from must be finite. Mend the environment."
        )


class Normalizer(Protocol):
    """Turns sensations as the task gives them into what the network reads.

    A user's own is a class with these methods, made as ``Class(sizes, clip)``.
    """

    def update(self, comm: Comm, samples: Sensations) -> None:
        """Take in what every rank sensed, arrays of shape (..., size)."""

    def normalize(self, observation: Sensations) -> dict[str, NDArray[np.float32]]:
        """Return what the network reads, same shapes; it changes nothing."""

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return all that was learned, as arrays, to be saved."""

    def restore(self, state: Moments) -> None:
        """Take what :meth:`state` returned."""


class IdentityNormalizer:
    """Leaves sensations as they are.

    Parameters
    ----------
    sizes : mapping of str to int
        Width of each sensation that is read.
    clip : float
        Ignored: nothing is cut off.
    """

    def __init__(self, sizes: Mapping[str, int], clip: float = 5.0) -> None:
        self._names = tuple(sizes)

    def update(self, comm: Comm, samples: Sensations) -> None:
        """Learn nothing."""

    def normalize(self, observation: Sensations) -> dict[str, NDArray[np.float32]]:
        """Return the sensations that are read, themselves."""
        return {name: observation[name] for name in self._names}

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return nothing: nothing was learned."""
        return {}

    def restore(self, state: Moments) -> None:
        """Take nothing."""


class SensationNormalizer:
    """Scale every channel of every sensation to mean 0 and variance 1.

    Parameters
    ----------
    sizes : mapping of str to int
        Width of each sensation.
    clip : float
        Largest normalised value, in standard deviations. Five as in Andrychowicz et
        al. (2020), https://arxiv.org/abs/1808.00177, appendix B.
    """

    def __init__(self, sizes: Mapping[str, int], clip: float = 5.0) -> None:
        self.clip = clip
        self.moments = {
            name: RunningMoments.empty(size) for name, size in sizes.items()
        }
        self._prepare()

    def update(self, comm: Comm, samples: Sensations) -> None:
        """Take in what every rank sensed, arrays of shape (..., size).

        Raises
        ------
        TaskError
            If something is not finite; the moments stay as they were.
        """
        flat = {
            name: samples[name].reshape(-1, samples[name].shape[-1])
            for name in self.moments
        }
        for name, new in flat.items():
            _require_finite(new, f"The sensation '{name}'")
        for name, new in flat.items():
            seen = self.moments[name]
            self.moments[name] = seen.merged(comm, new)
        self._prepare()

    def _prepare(self) -> None:
        """Round the moments to what the batch is computed with."""
        self._scales = {
            name: (
                moments.mean.astype(np.float32),
                (1.0 / np.sqrt(moments.variance + _EPSILON)).astype(np.float32),
            )
            for name, moments in self.moments.items()
        }

    @property
    def scales(self) -> Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Mean and factor of every sensation, each of shape (size,)."""
        return self._scales

    def normalize(self, observation: Sensations) -> dict[str, NDArray[np.float32]]:
        """Return the normalised sensations; others are left out."""
        return {
            name: np.clip((observation[name] - mean) * scale, -self.clip, self.clip)
            for name, (mean, scale) in self._scales.items()
        }

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return the moments as arrays, to be saved."""
        return {name: moments.to_array() for name, moments in self.moments.items()}

    def restore(self, state: Moments) -> None:
        """Take the moments that :meth:`state` returned.

        Raises
        ------
        CheckpointError
            If they are of other sensations.
        """
        for name, moments in self.moments.items():
            if name not in state or len(state[name]) != len(moments.to_array()):
                raise CheckpointError(
                    f"The checkpoint holds no moments of the sensation '{name}' of "
                    f"width {len(moments.mean)}: it belongs to another network."
                )
        self.moments = {
            name: RunningMoments.from_array(np.asarray(state[name]))
            for name in self.moments
        }
        self._prepare()


class RewardScaler(Protocol):
    """Turns rewards as the task gives them into what is learned from.

    A user's own is a class with these methods, made as ``Class(n_worlds, discount)``.
    """

    def update(
        self, comm: Comm, rewards: NDArray[np.float32], ended: NDArray[np.bool_]
    ) -> None:
        """Take in rewards and ends of episodes, both of shape (T, B)."""

    def normalize(self, rewards: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is learned from, same shape."""

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return all that was learned, as arrays under names no sensation has."""

    def restore(self, state: Moments) -> None:
        """Take what :meth:`state` returned."""


class RewardNormalizer:
    """Divide rewards by the standard deviation of the discounted return.

    The return of world ``b`` runs forward, ``G_t = discount * G_{t-1} + r_t``, and
    starts anew with every episode. Rewards keep their sign and their zero.

    Parameters
    ----------
    n_worlds : int
        Worlds on this rank.
    discount : float
        Discount factor of the return.
    clip : float
        Largest normalised reward.

    References
    ----------
    Engstrom et al. (2020), Implementation matters in deep RL, appendix A.
    https://arxiv.org/abs/2005.12729
    """

    def __init__(self, n_worlds: int, discount: float, clip: float = 10.0) -> None:
        self.discount = discount
        self.clip = clip
        self.moments = RunningMoments.empty(1)
        self.returns = np.zeros(n_worlds)

    def update(
        self, comm: Comm, rewards: NDArray[np.float32], ended: NDArray[np.bool_]
    ) -> None:
        """Take in rewards and ends of episodes, both of shape (T, B).

        Raises
        ------
        TaskError
            If a reward is not finite; the moments stay as they were.
        """
        _require_finite(rewards.reshape(-1, 1), "The reward")
        seen = np.empty(rewards.shape)
        for t in range(len(rewards)):
            self.returns = self.discount * self.returns + rewards[t]
            seen[t] = self.returns
            self.returns = np.where(ended[t], 0.0, self.returns)
        self.moments = self.moments.merged(comm, seen.reshape(-1, 1))

    def normalize(self, rewards: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scaled rewards, same shape."""
        scale = float(1.0 / np.sqrt(self.moments.variance[0] + _EPSILON))
        scaled: NDArray[np.float32] = np.clip(
            rewards * np.float32(scale), -self.clip, self.clip
        )
        return scaled

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return the moments as an array, to be saved."""
        return {"reward": self.moments.to_array()}

    def restore(self, state: Moments) -> None:
        """Take the moments that :meth:`state` returned."""
        self.moments = RunningMoments.from_array(np.asarray(state["reward"]))


class ValueNormalizer:
    """Let the value head predict returns in standard deviations from their mean.

    The moments are those of all value targets so far.

    References
    ----------
    Andrychowicz et al. (2021), What matters for on-policy deep actor-critic methods?
    section 3.3. https://arxiv.org/abs/2006.05990
    """

    def __init__(self) -> None:
        self.moments = RunningMoments.empty(1)

    @property
    def _scale(self) -> tuple[np.float32, np.float32]:
        """Mean and standard deviation."""
        spread = np.sqrt(self.moments.variance[0] + _EPSILON)
        return np.float32(self.moments.mean[0]), np.float32(spread)

    def update(self, comm: Comm, targets: NDArray[np.float32]) -> None:
        """Take in the value targets of every rank, in units of reward, any shape.

        Those that are not finite are left out: the gradient, which is not finite
        either, ends the run.
        """
        finite = targets[np.isfinite(targets)].reshape(-1, 1)
        self.moments = self.moments.merged(comm, finite)

    def normalize(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values in units of the value head, from units of reward."""
        mean, spread = self._scale
        return (values - mean) / spread

    def denormalize(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values in units of reward, from those of the value head."""
        mean, spread = self._scale
        return values * spread + mean

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return the moments as an array, to be saved."""
        return {"value": self.moments.to_array()}

    def restore(self, state: Moments) -> None:
        """Take the moments that :meth:`state` returned."""
        self.moments = RunningMoments.from_array(np.asarray(state["value"]))


def make_normalizer(
    choice: bool | str, sizes: Mapping[str, int], clip: float
) -> Normalizer:
    """Return the normalisation of sensations that a config asks for.

    Parameters
    ----------
    choice : bool or str
        True for `SensationNormalizer`, False for `IdentityNormalizer`, or a class of
        the user's own as ``module:Class``.
    sizes : mapping of str to int
        Width of each sensation.
    clip : float
        Largest normalised value, in standard deviations.

    Returns
    -------
    Normalizer
        Before its first sample.

    Raises
    ------
    ConfigError
        If there is no such class, or it is no normaliser.
    """
    if isinstance(choice, bool):
        return (SensationNormalizer if choice else IdentityNormalizer)(sizes, clip)
    key = "normalization.sensations"
    made: Normalizer = make_own(key, choice, Normalizer, sizes, clip)
    return made


def make_reward_scaler(
    choice: bool | str, n_worlds: int, discount: float
) -> RewardScaler | None:
    """Return the normalisation of rewards that a config asks for.

    Parameters
    ----------
    choice : bool or str
        True for `RewardNormalizer`, False for none, or a class of the user's own as
        ``module:Class``.
    n_worlds : int
        Worlds on this rank.
    discount : float
        Discount factor of the return.

    Returns
    -------
    RewardScaler or None
        Before its first sample; None if rewards stay as they are.

    Raises
    ------
    ConfigError
        If there is no such class, or it is no normaliser.
    """
    if isinstance(choice, bool):
        return RewardNormalizer(n_worlds, discount) if choice else None
    key = "normalization.reward"
    made: RewardScaler = make_own(key, choice, RewardScaler, n_worlds, discount)
    return made
