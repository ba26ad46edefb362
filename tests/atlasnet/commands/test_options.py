# SPDX-License-Identifier: Apache-2.0
"""A command's options are the fields of the models that it takes."""

from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field, PositiveInt
from typer.testing import CliRunner, Result

from atlasnet.commands.arguments import ErrorReportingGroup
from atlasnet.commands.late import LateCommand
from atlasnet.frozen import Flag, Frozen


class Hive(Frozen):
    """What bees live in."""

    n_frames: Annotated[PositiveInt, Flag("--frames")] = 10
    """Frames of the hive. They are counted in winter."""
    has_queen: Annotated[bool, Flag("--queen")] = True
    """Whether there is a `queen`."""
    wood: Literal["pine", "cedar"] = "pine"
    """What it is made of."""
    keepers: tuple[str, ...] = ()
    """Who cares for it."""
    colour: Annotated[str | None, Flag(is_offered=False)] = None
    """Colour of all sides."""
    colours: Annotated[
        Mapping[str, Literal["red", "blue"]],
        Flag("--colour", metavar="COLOUR|SIDE=COLOUR...", alone="colour"),
    ] = Field(default_factory=dict)
    """Colours of single sides."""
    secret: Annotated[int, Flag(is_offered=False)] = 3
    """What the shell need not know."""


class Meadow(Frozen):
    """Where bees fly."""

    area_m2: Annotated[float, Field(ge=0.0), Flag("--area --size")] = 100.0
    """Its area, m2."""


def shell(*words: str) -> tuple[Result, list[tuple[Hive, Meadow | None, int]]]:
    """Run a command that takes both, and return what it was called with."""
    called: list[tuple[Hive, Meadow | None, int]] = []

    def keep(hive: Hive, meadow: Meadow | None, year: int = 7) -> None:
        called.append((hive, meadow, year))

    app = typer.Typer(cls=ErrorReportingGroup, rich_markup_mode=None)

    @app.command("keep", cls=LateCommand)
    def _keep() -> object:
        """Keep bees."""
        return keep

    @app.command()
    def other() -> None: ...

    return CliRunner().invoke(app, ["keep", *words]), called


def test_defaults_are_those_of_the_models() -> None:
    result, called = shell()
    assert result.exit_code == 0, result.output
    assert called == [(Hive(), None, 7)]


def test_every_kind_of_field_is_read() -> None:
    result, called = shell(
        *("--frames", "12", "--no-queen", "--wood", "cedar", "--keepers", "Ann", "Bo"),
        *("--size", "5", "--year", "8", "--colour", "red", "top=blue"),
    )
    assert result.exit_code == 0, result.output
    hive = Hive(
        n_frames=12,
        has_queen=False,
        wood="cedar",
        keepers=("Ann", "Bo"),
        colour="red",
        colours={"top": "blue"},
    )
    assert called == [(hive, Meadow(area_m2=5.0), 8)]


def test_help_says_what_the_docstrings_say_first() -> None:
    text = " ".join(shell("--help")[0].stdout.split())
    assert "Keep bees." in text
    assert "Frames of the hive. [default: 10; x>=1]" in text
    assert "--queen / --no-queen Whether there is a queen. [default: queen]" in text
    assert "--wood <pine|cedar> What it is made of. [default: pine]" in text
    assert "--colour COLOUR|SIDE=COLOUR..." in text
    assert "Its area, m2. [default: (100.0); x>=0.0]" in text
    assert "winter" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--frames", "0"), "'--frames': Input should be greater than or equal to 1"),
        (("--frames", "0"), "equal to 1, got 0."),
        (("--frames", "few"), "got few."),
        (("--wood", "oak"), "'--wood': 'oak' is not one of 'pine', 'cedar'.\n"),
        (("--wood", "ceder"), "'pine', 'cedar'. Close matches: cedar."),
        (("--secret", "4"), "No such option: --secret"),
        (("--colour", "top=grey"), "Invalid Hive at 'colours.top'"),
        (("--colour", "top=bleu"), "'red' or 'blue', got 'bleu'. Close matches: blue"),
    ],
)
def test_what_cannot_be_is_one_message(words: tuple[str, ...], reason: str) -> None:
    result, called = shell(*words)
    assert (result.exit_code, called) == (2, [])
    assert reason in result.stderr
    assert "Traceback" not in result.output
