# SPDX-License-Identifier: Apache-2.0
"""Late commands: imported when they are called, not when all are listed."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperCommand

from atlasnet.commands.arguments import VariadicCommand

__all__ = ["Command", "LateCommand"]

Command = Callable[..., None]
"""A function that typer makes a command of."""


class LateCommand(TyperCommand):
    """A command that is imported when it is called, not when all are listed.

    Its callback takes nothing and returns the function to run; models among that one's
    parameters are options, see :func:`atlasnet.commands.options.with_options`.
    """

    @cached_property
    def imported(self) -> Any:
        """The command that it stands for."""
        from atlasnet.commands.options import with_options

        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        declare = alone.command(self.name, cls=VariadicCommand, help=self.help)
        declare(with_options(self.callback()))  # type: ignore[misc]
        return typer.main.get_command(alone)

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Read the arguments, as the function takes them."""
        return self.imported.make_context(info_name, args, parent, **extra)
