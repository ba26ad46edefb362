# SPDX-License-Identifier: Apache-2.0
"""Comparison: areas of one or several subjects with models, jointly, beside controls.

Every estimate stands beside that of the untrained network which senses the same
(``untrained``), the difference of the two (``trained - untrained``), what conditions
with exchanged labels give (``shuffled``), and that of other networks where there are
any.

References
----------
Nili et al. (2014), A toolbox for representational similarity analysis, PLoS Comput Biol
10:e1003553 (noise ceiling). https://doi.org/10.1371/journal.pcbi.1003553
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from angora_train.analysis.rsa.conditions import conditions_of
from angora_train.analysis.rsa.distances import Noise
from angora_train.analysis.rsa.estimates import (
    Fits,
    ceiling_rows,
    difference_rows,
    estimate_rows,
)
from angora_train.analysis.rsa.fitting import (
    Moments,
    Predictors,
    moments_of,
    predictors,
)
from angora_train.analysis.rsa.models import NamedRDM, factor_model, model_distances
from angora_train.analysis.rsa.patterns import Design, design_of
from angora_train.analysis.rsa.rdms import area_distances
from angora_train.analysis.rsa.resampling import FEWEST_FOLDS, n_exchanges
from angora_train.errors import ConfigError

__all__ = ["COLUMNS", "SCOPES", "Result", "Sample", "Settings", "compare"]

SCOPES = ("all", "within", "between")
"""Pairs of conditions: all of them, those of one kind, and those of different kinds."""

COLUMNS = (
    *("subject", "area", "scope", "model", "measure", "control"),
    *("value", "low", "high", "p", "p_fdr", "p_max"),
    *("n", "n_episodes", "n_valid", "over"),
)
"""Of the table; see :class:`Result`."""

Tell = Callable[[str, int, int], None]
_FEWEST_WAYS = 100


@dataclass(frozen=True)
class Sample:
    """A network's recording.

    Attributes
    ----------
    name : str
        What it is called.
    recording : xarray.Dataset
        See :func:`angora_train.analysis.recording.record.record`.
    untrained : xarray.Dataset, optional
        What the same network, before training, did when it sensed the same.
    """

    name: str
    recording: xr.Dataset
    untrained: xr.Dataset | None = None


@dataclass(frozen=True)
class Settings:
    """How areas are compared with models.

    Attributes
    ----------
    by : tuple of str
        What conditions differ by, see :mod:`angora_train.analysis.rsa.conditions`.
    n_phases : int
        Of the factor ``phase``.
    n_folds : int, optional
        Folds of episodes; by default as many as there are episodes, at most 16.
    noise : {"shrinkage_eye", "shrinkage_diag", "identity"}
        How noise weighs the units; it is measured in other episodes than those whose
        patterns are multiplied.
    variables : mapping of str to str, optional
        Variables by the name of their hypothesis; by default those recorded of goal,
        object pose, posture, action, touch and reward.
    n_resamples : int
        Bootstrap resamples, and permutations of labels.
    level : float
        Of intervals.
    seed : int
        Of all that is drawn.
    """

    by: tuple[str, ...] = ("goal", "phase")
    n_phases: int = 5
    n_folds: int | None = None
    noise: Noise = "shrinkage_eye"
    variables: Mapping[str, str] | None = None
    n_resamples: int = 1000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what decides nothing."""
        if self.n_resamples < 20 or not 0 < self.level < 1:
            raise ConfigError(
                "At least 20 resamples and a level between 0 and 1 are needed, got "
                f"{self.n_resamples} and {self.level}."
            )


@dataclass(frozen=True)
class Result:
    """What a comparison found.

    Attributes
    ----------
    table : pandas.DataFrame
        A row an estimate. ``subject``: its name, or ``all``, the mean over subjects.
        ``scope``: :data:`SCOPES`. ``measure``: ``correlation``, ``partial``,
        ``unique``, ``weight`` (see :mod:`angora_train.analysis.rsa.fitting`),
        ``explained`` of all models together, and ``ceiling_low``, ``ceiling_high`` of
        ``correlation``. ``control``: ``trained``, ``untrained``, ``trained -
        untrained``, ``shuffled``, and the name of each other network. ``p``: of
        ``partial``, one-sided, for trained and other networks; two-sided for
        differences; ``p_fdr`` and ``p_max`` are corrected over the areas, models and
        scopes of a subject and control. ``n``: subjects. ``n_valid``: resamples that
        were valid. ``over``: what the interval is over.
    arrays : xarray.Dataset
        ``distances`` (subject, control, area, pair), ``models`` (subject, model,
        pair), ``first`` and ``second`` condition of each pair.
    notes : tuple of str
        What was left out, and why.
    """

    table: pd.DataFrame
    arrays: xr.Dataset
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Subject:
    """A subject's design and models."""

    sample: Sample
    design: Design
    models: Mapping[str, NDArray[np.float64]]
    scopes: dict[str, Predictors] = field(default_factory=dict)


def compare(
    samples: Sequence[Sample],
    settings: Settings,
    *,
    controls: Sequence[Sample] = (),
    given: Sequence[NamedRDM] = (),
    labels: Mapping[str, pd.DataFrame] | None = None,
    tell: Tell = lambda what, done, total: None,
) -> Result:
    """Compare areas with models, jointly, over episodes and subjects.

    Parameters
    ----------
    samples : sequence of Sample
        Subjects, such as seeds of a run; the same conditions of each.
    settings : Settings
        How.
    controls : sequence of Sample
        Other networks to set beside them, such as null models.
    given : sequence of NamedRDM
        A user's own matrices, compared as models are.
    labels : mapping of str to pandas.DataFrame, optional
        Labels of the steps of each sample, by its name, where conditions are by
        ``labels``.
    tell : callable
        Told what is measured, how many areas of it are done, and how many there are.

    Returns
    -------
    Result
        Table, arrays and notes.

    Raises
    ------
    ConfigError
        If there are too few episodes or conditions, subjects differ in conditions, or
        no model can be told apart.
    """
    everyone = [*samples, *controls]
    names = [sample.name for sample in everyone]
    if not samples or len(set(names)) < len(names):
        raise ConfigError(
            "A comparison needs at least one recording, and each under a name of its "
            f"own; got: {', '.join(names) or 'none'}."
        )
    subjects = [_prepared(x, settings, given, (labels or {})) for x in everyone]
    notes = _choose_models(subjects)
    with threadpool_limits(limits=1, user_api="blas"):  # small products, faster so
        fits, rows = _estimated(subjects, len(samples), settings, tell)
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    return Result(table, _arrays(subjects, fits, len(samples)), tuple(notes))


def _estimated(
    subjects: Sequence[_Subject], n: int, settings: Settings, tell: Tell
) -> tuple[list[dict[str, Fits]], list[dict[str, object]]]:
    """Measure the areas of subjects, the first `n` of which are no controls."""
    rng = np.random.default_rng(settings.seed)
    fits: list[dict[str, Fits]] = []
    for subject in subjects:
        made = {"own": _measured(subject, subject.sample.recording, settings, tell)}
        untrained = subject.sample.untrained
        if untrained is not None and len(fits) < n:
            made["untrained"] = _measured(
                subject, untrained, settings, tell, "untrained "
            )
        fits.append(made)
    rows = _rows(fits[:n], settings, rng)
    for subject, made in zip(subjects[n:], fits[n:], strict=True):
        name = subject.sample.name
        rows += estimate_rows([made["own"]], settings, rng, control=name)
    return fits, rows


def _prepared(
    sample: Sample,
    settings: Settings,
    given: Sequence[NamedRDM],
    labels: Mapping[str, pd.DataFrame],
) -> _Subject:
    """Return what a sample's areas are compared with."""
    conditions = conditions_of(
        sample.recording,
        settings.by,
        n_phases=settings.n_phases,
        labels=labels.get(sample.name),
    )
    design = design_of(sample.recording, conditions, n_folds=settings.n_folds)
    if len(design.names) < 4:
        raise ConfigError(
            f"Comparing geometries needs at least 4 conditions, which have 6 "
            f"distances; '{sample.name}' has {len(design.names)}: "
            f"{', '.join(design.names)}. Take more phases, or other conditions."
        )
    models = model_distances(
        sample.recording,
        design,
        variables=settings.variables,
        noise=settings.noise,
        from_others=True,
        given=given,
    )
    return _Subject(sample, design, models)


def _choose_models(subjects: Sequence[_Subject]) -> list[str]:
    """Decide on the models that all subjects have in a scope; return what is not."""
    first = subjects[0]
    for subject in subjects[1:]:
        if subject.design.names != first.design.names:
            own, other = set(first.design.names), set(subject.design.names)
            differing = sorted(own ^ other)[:5]
            raise ConfigError(
                "Subjects are compared over the same conditions: "
                f"'{first.sample.name}' has {len(own)} and '{subject.sample.name}' "
                f"{len(other)}; not in both: {', '.join(differing)}."
            )
    is_within = first.design.conditions.is_within()
    masks = {"all": np.ones(is_within.shape, bool)}
    if is_within.any() and not is_within.all():
        masks |= {"within": is_within, "between": ~is_within}
    notes = []
    for scope, mask in masks.items():
        tried = [predictors(subject.models, mask) for subject in subjects]
        common = [x for x in tried[0].names if all(x in one.names for one in tried)]
        for subject, one in zip(subjects, tried, strict=True):
            for name, reason in one.left_out.items():
                notes.append(f"{subject.sample.name}, {scope}: '{name}' {reason}.")
        if not common:
            continue
        for subject in subjects:
            models = {name: subject.models[name] for name in common}
            subject.scopes[scope] = predictors(models, mask)
    if not first.scopes:
        raise ConfigError(
            f"No model differs between the conditions, so there is nothing to compare "
            f"areas with: {' '.join(notes)}"
        )
    notes += [
        f"{x.sample.name}: {x.design.n_folds} folds of {x.design.n_episodes} episodes "
        f"have no interval and no p; {FEWEST_FOLDS} folds do, of as many episodes of "
        "every kind at least."
        for x in subjects
        if x.design.n_folds < FEWEST_FOLDS
    ]
    return notes + _few_exchanges(first.design)


def _few_exchanges(design: Design) -> list[str]:
    """Say below which p nothing can go, if that is not below 0.01."""
    factors = design.conditions.factors
    if "phase" not in factors:
        return []
    ways = n_exchanges(design.conditions.levels, factors.index("phase"))
    if ways > _FEWEST_WAYS:
        return []
    return [
        f"Labels that keep the order of phases can be exchanged in {ways} "
        f"way{'' if ways == 1 else 's'}: p of models of variables is {1 / ways:.2g} at "
        "least. More kinds of goals allow smaller ones."
    ]


def _measured(
    subject: _Subject,
    recording: xr.Dataset,
    settings: Settings,
    tell: Tell,
    title: str = "",
) -> Fits:
    """Measure the distances in all areas of a recording."""
    n_areas = len(dict.fromkeys(recording["area"].to_numpy().tolist()))
    areas, means = [], []
    moments: dict[str, list[Moments]] = {scope: [] for scope in subject.scopes}
    what = f"{title}{subject.sample.name}"
    tell(what, 0, n_areas)
    for one in area_distances(
        recording, subject.design, settings.noise, from_others=True
    ):
        areas.append(one.area)
        means.append(one.values.mean(axis=0))
        for scope, found in moments_of(one.values, subject.scopes).items():
            moments[scope].append(found)
        tell(what, len(areas), n_areas)
    tell(what, n_areas, n_areas)
    return Fits(
        subject=subject.sample.name,
        areas=tuple(areas),
        means=np.array(means),
        moments=moments,
        scopes=subject.scopes,
        levels=subject.design.conditions.levels,
        factor_models=tuple(map(factor_model, subject.design.conditions.factors)),
        n_folds=subject.design.n_folds,
        n_episodes=subject.design.n_episodes,
    )


def _rows(
    fits: Sequence[Mapping[str, Fits]], settings: Settings, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Return the rows of each subject and, of several, of all."""
    groups = [[one] for one in fits] + ([list(fits)] if len(fits) > 1 else [])
    rows: list[dict[str, object]] = []
    for group in groups:
        trained = [one["own"] for one in group]
        rows += estimate_rows(
            trained, settings, rng, control="trained", is_shuffled=True
        )
        rows += ceiling_rows(trained, rng)
        if all("untrained" in one for one in group):
            untrained = [one["untrained"] for one in group]
            rows += estimate_rows(untrained, settings, rng, control="untrained")
            rows += difference_rows(trained, untrained, settings, rng)
    return rows


def _arrays(
    subjects: Sequence[_Subject], fits: Sequence[Mapping[str, Fits]], n: int
) -> xr.Dataset:
    """Return distances and models as arrays with names."""
    first = subjects[0]
    areas = list(dict.fromkeys(x for one in fits for x in one["own"].areas))
    models = list(dict.fromkeys(name for one in subjects for name in one.models))
    i, j = np.triu_indices(len(first.design.names), 1)
    shape = (len(subjects), 2, len(areas), len(i))
    distances = np.full(shape, np.nan, np.float32)
    expected = np.full((len(subjects), len(models), len(i)), np.nan, np.float32)
    for s, (subject, made) in enumerate(zip(subjects, fits, strict=True)):
        for c, key in enumerate(("own", "untrained")):
            if key in made:
                places = [areas.index(area) for area in made[key].areas]
                distances[s, c, places] = made[key].means
        for name, values in subject.models.items():
            expected[s, models.index(name)] = values
    names = np.array(first.design.names)
    return xr.Dataset(
        {
            "distances": (("subject", "control", "area", "pair"), distances),
            "models": (("subject", "model", "pair"), expected),
            "is_control": ("subject", np.arange(len(subjects)) >= n),
        },
        coords={
            "subject": [subject.sample.name for subject in subjects],
            "control": ["recorded", "untrained"],
            "area": areas,
            "model": models,
            "first": ("pair", names[i]),
            "second": ("pair", names[j]),
        },
        attrs={"measure": "crossnobis: squared distance per unit, cross-validated"},
    )
