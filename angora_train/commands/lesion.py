# SPDX-License-Identifier: Apache-2.0
"""The command that lesions a network, and random ones beside each lesion."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import NonNegativeInt, PositiveInt
from rich.table import Column, Table

from angora_train.commands.options import Episodes, Interventions, Trained
from angora_train.errors import ConfigError, closest
from atlasnet.commands.console import reporting, results
from atlasnet.commands.options import with_options
from atlasnet.frozen import Frozen
from atlasnet.quiet import import_keras

if TYPE_CHECKING:
    import pandas as pd

    from angora_train.analysis.lesioning.conditions import Condition
    from angora_train.analysis.lesioning.sweep import Sweep
    from atlasnet import Intervention

__all__ = ["lesion"]

_PLAYED = Episodes(episodes=100)
_SWEPT = ("groups", "areas", "pathways")
_COMMA = re.compile(r",(?![^()]*\))")
"""Between areas, not inside brackets: Area IFJ1 (IFS,PreCS)."""


class Beside(Frozen):
    """What stands beside each condition, and how conditions play."""

    random: NonNegativeInt = 5
    """Random conditions of the same size beside each."""
    lesion_seed: NonNegativeInt = 0
    """Seed of the random conditions."""
    together: PositiveInt = 4
    """Conditions that play in one call."""


@with_options
def lesion(
    path: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    *,
    trained: Trained,
    played: Episodes = _PLAYED,
    what: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(_SWEPT),
            help="Sweep over these; groups, if nothing else is asked for.",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AREA,AREA",
            help="A group of areas; by default each system of the atlas is one.",
        ),
    ] = None,
    done: Interventions,
    beside: Beside,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of what is written; of one run, its own."),
    ] = None,
) -> None:
    """Lesion areas, groups, pathways or shares of units; clamp them; add noise.

    Every condition plays the same episodes with expected actions, and random ones of
    its size beside it. Each --lesion, --clamp and --noise is a condition. An
    interrupted sweep goes on where it stopped.
    """
    for name in what or ():
        if name not in _SWEPT:
            raise ConfigError(
                f"A sweep is over {', '.join(_SWEPT)}, got --what {name}."
                f"{closest(name, _SWEPT)}"
            )
    wanted = _Wanted(tuple(what or ()), _groups(group or ()), done, beside)
    _require_runs(path)
    if out is None and len(path) > 1:
        raise ConfigError(
            "Several runs need a folder for what they have in common: --out FOLDER"
        )
    folder = path[0] if out is None else out
    import_keras()
    from angora_train.analysis.lesioning.effects import effects
    from angora_train.analysis.lesioning.sweep import play_sweep
    from angora_train.analysis.lesioning.tables import save_sweeps
    from angora_train.run.checkpoint import mark_of

    sweeps: dict[str, Sweep] = {}
    with reporting("Lesioning") as report:
        for name, run in zip(_names(path), path, strict=True):
            ready = trained.ready(run, played.episodes)

            def tell(n_done: int, n: int, at: str, name: str = name) -> None:
                report(name, n_done, n, at)

            sweeps[name] = play_sweep(
                ready,
                wanted.conditions(ready.model),
                played.seed,
                n_together=beside.together,
                path=folder / f"lesion_episodes_{name.replace('/', '_')}.jsonl",
                about=mark_of(run, trained.which),
                tell=tell,
            )
            ready.task.close()
    table = effects(sweeps, played.seed)
    save_sweeps(table, sweeps, folder, played.seed)
    _draw(table, sweeps, folder, played.seed)
    results().print(_table(table))


@dataclass(frozen=True)
class _Wanted:
    """Which conditions are asked for."""

    what: tuple[str, ...]
    groups: Mapping[str, Sequence[str]]
    done: Interventions
    beside: Beside

    def conditions(self, model: Any) -> "list[Condition]":
        """Return them for a network."""
        from angora_train.analysis.lesioning import conditions as made
        from angora_train.analysis.lesioning.sets import system_groups
        from atlasnet import Silencer, spec_of

        spec = spec_of(model)
        if spec is None:
            raise ConfigError(
                "The run's network has no areas to lesion: it was not built from the "
                "atlas."
            )
        how: Any = {"n_random": self.beside.random, "seed": self.beside.lesion_seed}
        found: list[Condition] = []
        named = self._named()
        if self.groups or "groups" in self.what or not (self.what or named):
            groups = self.groups or system_groups(spec)
            found += made.group_conditions(spec, groups, **how)
        if "areas" in self.what:
            found += made.area_conditions(spec, **how)
        if "pathways" in self.what:
            found += made.pathway_conditions(spec, **how)
        if named:
            silencer = Silencer(model)
            meant = {name: silencer.meant([one]) for name, one in named.items()}
            found += made.named_conditions(spec, meant, **how)
        return found

    def _named(self) -> "dict[str, Intervention]":
        """Return each lesion, clamp and noise by its words."""
        words = [
            (f"{kind} {text}" if kind != "lesion" else text)
            for kind in ("noise", "clamp", "lesion")
            for text in getattr(self.done, kind)
        ]
        return dict(zip(words, self.done.read(), strict=True))


def _require_runs(paths: Sequence[Path]) -> None:
    """Refuse what cannot be lesioned: a recording has no network that plays."""
    for path in paths:
        if path.suffix == ".nc":
            raise ConfigError(
                f"'{path}' is a recording; lesions are of a run, which can play. Give "
                "the run's folder."
            )
    if len(set(paths)) < len(paths):
        raise ConfigError("A run comes twice among the paths.")


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of paths that tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for n in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-n:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _groups(entries: Sequence[str]) -> dict[str, list[str]]:
    """Read groups of areas; a name that comes twice goes on."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        name, _, listed = entry.partition("=")
        areas = [area.strip() for area in _COMMA.split(listed)]
        if not name.strip() or not all(areas):
            raise typer.BadParameter(
                f"expected NAME=AREA[,AREA], got '{entry}'. For example: "
                "--group premotor=PMv,PMdc"
            )
        groups.setdefault(name.strip(), []).extend(areas)
    return groups


def _draw(
    table: "pd.DataFrame", sweeps: "Mapping[str, Sweep]", folder: Path, seed: int
) -> None:
    """Draw what each condition changes, and who needs what."""
    from angora_train.analysis.figures.lesions import plot_dissociation, plot_effects
    from angora_train.analysis.lesioning.tables import matrices
    from atlasnet.figures.palette import save_figure

    save_figure(plot_effects(table), folder / "lesion.png", dpi=150)
    for name, losses in matrices(sweeps).items():
        ax = plot_dissociation(losses, seed=seed)
        save_figure(ax, folder / f"lesion_by_{name}.png", dpi=150)


def _table(table: "pd.DataFrame") -> Table:
    """Return what each condition changes of return and success."""
    from angora_train.analysis.lesioning.effects import ALL

    subjects = list(dict.fromkeys(table["subject"]))
    shown = ALL if ALL in subjects else subjects[0]
    own = table[(table["subject"] == shown) & (table["draw"] == "")]
    heads = ("units", "return [95 %]", "beyond random", "success [95 %]", "beyond")
    right = (Column(x, justify="right", no_wrap=True) for x in heads)
    title = f"{shown}: change with each lesion, {int(own['n'].iloc[0])} episodes"
    shape = Table("", *right, title=title)
    for name, rows in own.groupby("condition", sort=False):
        by = rows.set_index("outcome")
        cells = [str(int(by["units"].iloc[0]))]
        for outcome in ("return", "success"):
            for mean, low, high in (
                ("change", "low", "high"),
                ("beyond", "beyond_low", "beyond_high"),
            ):
                row = by.loc[outcome]
                cells.append(
                    ""
                    if row[mean] == ""
                    else f"{row[mean]:.2f} [{row[low]:.2f}, {row[high]:.2f}]"
                )
        shape.add_row(str(name), *cells)
    return shape
