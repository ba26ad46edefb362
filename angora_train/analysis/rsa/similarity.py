# SPDX-License-Identifier: Apache-2.0
"""Representational similarity: areas are alike if their matrices of distances are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rsatoolbox.rdm.compare import compare
from rsatoolbox.rdm.rdms import RDMs
from sklearn.manifold import smacof

__all__ = ["Embedding", "compare_areas", "compare_models", "embed_areas"]


def compare_areas(rdms: RDMs, method: str = "corr") -> pd.DataFrame:
    """Compare the distances of every area with those of every other.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`angora_train.analysis.rdms.area_rdms` returned.
    method : str
        Comparison of rsatoolbox, such as ``corr``, ``spearman`` or ``cosine``.

    Returns
    -------
    pandas.DataFrame
        Areas by areas, symmetric; 1 where they are alike.
    """
    areas = pd.Index(rdms.rdm_descriptors["area"], name="area")
    similarity = np.asarray(compare(rdms, rdms, method=method))
    similarity = (similarity + similarity.T) / 2  # rounding
    return pd.DataFrame(similarity, index=areas, columns=areas)


def compare_models(rdms: RDMs, models: RDMs, method: str = "corr") -> pd.DataFrame:
    """Compare the distances of every area with those of every hypothesis.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        What :func:`angora_train.analysis.rdms.area_rdms` returned.
    models : rsatoolbox.rdm.RDMs
        What :func:`angora_train.analysis.rdms.model_rdms` returned for the same
        recording.
    method : str
        See :func:`compare_areas`.

    Returns
    -------
    pandas.DataFrame
        Areas by models.
    """
    return pd.DataFrame(
        np.asarray(compare(rdms, models, method=method)),
        index=pd.Index(rdms.rdm_descriptors["area"], name="area"),
        columns=pd.Index(models.rdm_descriptors["model"], name="model"),
    )


@dataclass(frozen=True)
class Embedding:
    """Areas in a plane.

    Attributes
    ----------
    points : pandas.DataFrame
        Columns ``x`` and ``y`` by area; distances in the plane are like
        ``1 - similarity``.
    stress : float
        Kruskal's stress-1: 0 if all distances fit; above 0.2 is poor.
    """

    points: pd.DataFrame
    stress: float


def embed_areas(similarity: pd.DataFrame) -> Embedding:
    """Place areas in a plane, the nearer the more alike they are (metric MDS).

    SMACOF from the start that classical scaling gives: no random numbers.

    Parameters
    ----------
    similarity : pandas.DataFrame
        What :func:`compare_areas` returned.

    Returns
    -------
    Embedding
        The points and how well their distances fit.

    References
    ----------
    Borg & Groenen (2005), Modern multidimensional scaling, chapters 3, 8 and 12.
    """
    apart = np.clip(1.0 - similarity.to_numpy(), 0.0, None)
    np.fill_diagonal(apart, 0.0)
    points, stress = smacof(
        apart,
        n_components=2,
        init=_classical_scaling(apart),
        n_init=1,
        max_iter=1000,
        normalized_stress=False,
    )
    total = np.square(np.linalg.norm(points[:, None] - points, axis=-1)).sum() / 2
    return Embedding(
        pd.DataFrame(points, index=similarity.index, columns=pd.Index(["x", "y"])),
        float(np.sqrt(stress / total)) if total else 0.0,
    )


def _classical_scaling(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the plane of the largest two axes, shape (n, 2), each sign fixed."""
    n = len(apart)
    centre = np.eye(n) - 1.0 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ np.square(apart) @ centre)
    order = np.argsort(-values)[:2]
    axes = vectors[:, order] * np.sqrt(np.clip(values[order], 0.0, None))
    largest = np.abs(axes).argmax(axis=0)
    sign = np.sign(axes[largest, np.arange(axes.shape[1])])
    plane: NDArray[np.float64] = axes * np.where(sign == 0, 1.0, sign)
    return plane
