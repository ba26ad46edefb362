# SPDX-License-Identifier: Apache-2.0
"""A notebook: episodes that were played, kept in a file as a sweep goes on.

The first line says what all episodes have in common; each further line is a
condition. A line that was cut off when the sweep was stopped is left out.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from angora_train.errors import ConfigError
from atlasnet.files import write_text

__all__ = ["Notebook", "Outcomes"]

Outcomes = dict[str, NDArray[np.float64]]
"""Numbers of each episode by their name, each of shape (n_episodes,)."""


class Notebook:
    """Episodes by condition, in a file.

    Parameters
    ----------
    path : Path or None
        The file, of which what is there is read; None keeps nothing.
    common : mapping
        What all episodes have in common, such as seed and checkpoint.

    Raises
    ------
    ConfigError
        If the file holds episodes that have something else in common.
    """

    def __init__(self, path: Path | None, common: Mapping[str, object]) -> None:
        self.path = path
        self.played: dict[str, Outcomes] = {}
        if path is None:
            return
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        whole = [x for x in map(_read, lines) if x is not None]
        if whole:
            self._require_same(whole[0], json.loads(json.dumps(common)))
            for row in whole[1:]:
                self.played[row["condition"]] = _outcomes(row["episodes"])
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [json.dumps(common), *(_line(k, x) for k, x in self.played.items())]
        write_text(path, "".join(f"{line}\n" for line in kept))

    def add(self, key: str, outcomes: Outcomes) -> None:
        """Take down a condition's episodes."""
        self.played[key] = outcomes
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{_line(key, outcomes)}\n")

    def _require_same(self, was: Mapping[str, object], wanted: object) -> None:
        """Refuse episodes of another sweep."""
        now: Mapping[str, object] = wanted if isinstance(wanted, dict) else {}
        names = sorted({*was, *now})
        differing = [x for x in names if was.get(x) != now.get(x)]
        if differing:
            told = "; ".join(f"{x} {was.get(x)}, now {now.get(x)}" for x in differing)
            raise ConfigError(
                f"'{self.path}' holds episodes of another sweep: {told}. Choose "
                "another folder with --out, or delete the file to begin anew."
            )


def _read(line: str) -> dict[str, Any] | None:
    """Read a line; None for one that was cut off."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _line(key: str, outcomes: Outcomes) -> str:
    """Write a condition as a line; a number that is none is null."""
    rows = {
        name: [float(x) if np.isfinite(x) else None for x in values]
        for name, values in outcomes.items()
    }
    return json.dumps({"condition": key, "episodes": rows})


def _outcomes(rows: Mapping[str, list[float]]) -> Outcomes:
    """Read a condition's numbers."""
    return {name: np.array(values, np.float64) for name, values in rows.items()}
