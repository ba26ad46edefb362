# SPDX-License-Identifier: Apache-2.0
"""SwitchedCell: the areas of a network, each of which can be silenced and let go."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from atlasnet.layers.intervened_cell import IntervenedCell

__all__ = ["SwitchedCell"]


@keras.saving.register_keras_serializable(package="atlasnet")
class SwitchedCell(IntervenedCell):
    """The areas of a network, each of which can be silenced and let go.

    Parameters
    ----------
    spec, seed, frozen, interventions, original
        As of :class:`~atlasnet.layers.IntervenedCell`.

    Notes
    -----
    Lesions in a weight that nothing trains: a factor for each area, 1 or 0. A function
    that is compiled once so plays any number of lesions.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._place = {area.name: i for i, area in enumerate(self.spec.areas)}
        self._intervened = frozenset(self._place)
        self.kept = self.add_weight(
            name="kept", shape=(len(self._place),), initializer="ones", trainable=False
        )

    def silence(self, areas: Sequence[str]) -> None:
        """Silence these areas, by the names of the spec, and no others."""
        kept = np.ones(len(self._place), np.float32)
        kept[[self._place[area] for area in areas]] = 0.0
        self.kept.assign(kept)

    def _intervene(self, area: str, activity: Any) -> Any:
        """Return an area's activity, or silence."""
        kept = keras.ops.cast(self.kept[self._place[area]], activity.dtype)
        return super()._intervene(area, activity) * kept
