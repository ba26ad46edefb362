# SPDX-License-Identifier: Apache-2.0
"""Every test is run by some target, and what takes long by one only."""

import re
from itertools import combinations

import pytest

from tests.contracts.documents import ROOT

MARKERS = ("slow", "mpi", "long")


def _selections() -> dict[str, list[str]]:
    """Return the expressions of markers that each target selects tests by."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = re.findall(r"^(\w+):.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    found = {name: re.findall(r'pytest -m "([^"]+)"', body) for name, body in recipes}
    return {name: expressions for name, expressions in found.items() if expressions}


@pytest.mark.parametrize(
    "marks",
    [set(some) for n in range(4) for some in combinations(MARKERS, n)],
    ids=lambda marks: "+".join(sorted(marks)) or "none",
)
def test_a_test_runs_once_and_where_its_marks_say(marks: set[str]) -> None:
    names = {name: name in marks for name in (*MARKERS, "network")}
    chosen = [
        target
        for target, expressions in _selections().items()
        if target != "lowest"  # what `fast` runs, with other versions
        for expression in expressions
        if eval(expression, names)  # an expression of markers is one of Python
    ]
    if "long" in marks:
        assert chosen == ["long"]
    else:
        assert chosen == ["thorough" if marks else "fast"]
