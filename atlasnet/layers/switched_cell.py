# SPDX-License-Identifier: Apache-2.0
"""SwitchedCell: the areas of a network, whose units can be held and let go."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from atlasnet.layers.intervened_cell import IntervenedCell

__all__ = ["SwitchedCell"]


@keras.saving.register_keras_serializable(package="atlasnet")
class SwitchedCell(IntervenedCell):
    """The areas of a network, whose units can be held and let go.

    Parameters
    ----------
    spec, seed, frozen, interventions, original
        As of :class:`~atlasnet.layers.IntervenedCell`.
    n_rows : int
        Rows of a batch that are held each in its own way; 1 holds all alike.
    has_pathways : bool
        Whether pathways can be cut, too, in all rows alike. It costs a product of
        every kernel with a number a column.

    Notes
    -----
    Lesions in weights that nothing trains: each unit's activity is multiplied by a
    factor, 1 or 0, and a number is added. A function that is compiled once so plays any
    number of lesions and clamps.
    """

    def __init__(
        self, *args: Any, n_rows: int = 1, has_pathways: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.n_rows, self.has_pathways = n_rows, has_pathways
        ends = np.cumsum([0, *(area.n_units for area in self.spec.areas)]).tolist()
        self.places = {
            area.name: slice(*ends[i : i + 2]) for i, area in enumerate(self.spec.areas)
        }
        self._intervened = frozenset(self.places)
        size: Any = {"shape": (n_rows, ends[-1]), "trainable": False}
        self.kept = self.add_weight(name="kept", initializer="ones", **size)
        self.added = self.add_weight(name="added", initializer="zeros", **size)
        self.carried_on = {
            area.name: self.add_weight(
                name=f"{area.layer}_carried_on",
                shape=(self._n_columns(area.name),),
                initializer="ones",
                trainable=False,
            )
            for area in (self.spec.areas if has_pathways else ())
        }

    def _n_columns(self, area: str) -> int:
        """Return the columns of an area's kernel."""
        return max(int(part.stop) for part in self.afferent_columns(area).values())

    def hold(
        self,
        kept: NDArray[np.float32],
        added: NDArray[np.float32],
        cut: Mapping[str, Sequence[str]],
    ) -> None:
        """Hold units, and cut pathways; all else is let go.

        Parameters
        ----------
        kept, added : ndarray of float32, shape (n_rows, n_units)
            Factor of the activity of each unit, and what is added; see :attr:`places`.
        cut : mapping of str to sequence of str
            What no longer reaches an area, by the area.
        """
        self.kept.assign(kept)
        self.added.assign(added)
        for area, weight in self.carried_on.items():
            columns = np.ones(weight.shape, np.float32)
            for source in cut.get(area, ()):
                columns[self.afferent_columns(area)[source]] = 0.0
            weight.assign(columns)

    def _weigh(self, area: str, kernel: Any) -> Any:
        """Return an area's kernel without the pathways that are cut."""
        kernel = super()._weigh(area, kernel)
        if not self.has_pathways:
            return kernel
        return kernel * keras.ops.cast(self.carried_on[area], kernel.dtype)

    def _intervene(self, area: str, activity: Any) -> Any:
        """Return an area's activity as it is held."""
        place = self.places[area]
        kept, added = (
            keras.ops.cast(weight[:, place], activity.dtype)
            for weight in (self.kept, self.added)
        )
        return super()._intervene(area, activity) * kept + added

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, without the original."""
        own = {"n_rows": self.n_rows, "has_pathways": self.has_pathways}
        return {**super().get_config(), **own}
