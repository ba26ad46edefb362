# SPDX-License-Identifier: Apache-2.0
"""How the command line reads arguments and reports errors."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from atlasnet.errors import AtlasNetError

__all__ = [
    "ERROR_EXIT_CODE",
    "INTERRUPTED_EXIT_CODE",
    "MAX_SEED",
    "AsJson",
    "ErrorReportingGroup",
    "VariadicCommand",
    "parse_cells",
    "parse_image",
    "parse_inputs",
    "repeat_flags",
    "require_writable_file",
    "require_writable_folder",
    "require_writable_model",
]

ERROR_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT, as shells count
MAX_SEED = 2**32 - 1
"""Largest seed of an option: NumPy and Keras take all up to it."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of tables.")
]


class ErrorReportingGroup(TyperGroup):
    """Commands whose deliberate errors are one message and exit code 2.

    Other exceptions are bugs and keep their traceback. A subclass may report further
    errors.
    """

    reported: tuple[type[Exception], ...] = (AtlasNetError,)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            found: Any = getattr(error.__cause__, "errors", list)()  # pydantic has some
            if found:
                from atlasnet.frozen import say

                error.message = say(found[0], show=str)
            raise
        except self.reported as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(ERROR_EXIT_CODE) from error
        except KeyboardInterrupt as error:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED_EXIT_CODE) from error


class VariadicCommand(TyperCommand):
    """A command whose repeatable options take several values after one flag.

    ``--regions A B`` is read as ``--regions A --regions B``; the values would swallow
    positional arguments that follow.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        flags = {
            flag
            for parameter in self.params
            if getattr(parameter, "multiple", False)
            for flag in parameter.opts
        }
        return super().parse_args(ctx, repeat_flags(args, flags))


def repeat_flags(arguments: Iterable[str], flags: Iterable[str]) -> list[str]:
    """Repeat a flag before each further value that follows it.

    Parameters
    ----------
    arguments : iterable of str
        Words of a command line.
    flags : iterable of str
        Flags that take several values, e.g. ``--regions``.

    Returns
    -------
    list of str
        Words in which each of these flags takes one value.

    Examples
    --------
    >>> repeat_flags(["--regions", "4a", "4p", "--units", "64"], ["--regions"])
    ['--regions', '4a', '--regions', '4p', '--units', '64']
    """
    several = set(flags)
    repeated: list[str] = []
    current, n_values = "", 0
    for word in arguments:
        if word.startswith("-"):
            flag, equals, _ = word.partition("=")
            current, n_values = flag if flag in several else "", int(bool(equals))
        elif current:
            if n_values > 0:
                repeated.append(current)
            n_values += 1
        repeated.append(word)
    return repeated


def parse_cells(entries: Sequence[str]) -> tuple[str | None, Mapping[str, str]]:
    """Read which cell all areas with a memory have, and which single areas.

    Parameters
    ----------
    entries : sequence of str
        ``CELL`` for all, ``AREA=CELL`` for one; later entries win.

    Returns
    -------
    cell : str or None
        Cell of all areas with a memory, if given.
    cells : mapping of str to str
        Cell by area.

    Examples
    --------
    >>> parse_cells(["gru", "4p left=lstm"])
    ('gru', {'4p left': 'lstm'})
    """
    everywhere: str | None = None
    cells: dict[str, str] = {}
    for entry in entries:
        area, equals, cell = entry.rpartition("=")
        if equals:
            cells[area.strip()] = cell.strip()
        else:
            everywhere = entry.strip()
    return everywhere, cells


def parse_image(text: str) -> tuple[int, int, int]:
    """Read the shape of an image.

    Parameters
    ----------
    text : str
        ``HEIGHTxWIDTHxCHANNELS``, in pixels.

    Returns
    -------
    tuple of int
        Height, width and channels.

    Raises
    ------
    typer.BadParameter
        If it has another form.

    Examples
    --------
    >>> parse_image("84x84x3")
    (84, 84, 3)
    """
    sides = text.casefold().split("x")
    if len(sides) != 3 or not all(side.strip().isdecimal() for side in sides):
        raise typer.BadParameter(
            f"expected HEIGHTxWIDTHxCHANNELS, got '{text}'. For example: "
            "--image 84x84x3 for one camera.",
            param_hint="'--image'",
        )
    height, width, n_channels = (int(side) for side in sides)
    return height, width, n_channels


def parse_inputs(entries: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Read which areas each sensation enters.

    Parameters
    ----------
    entries : sequence of str
        ``SENSATION=AREA``, or several areas with commas between; a sensation may come
        several times.

    Returns
    -------
    mapping of str to tuple of str
        Areas by sensation. Which commas part names and which belong to one, only the
        graph can tell.

    Raises
    ------
    typer.BadParameter
        If an entry has another form.

    Examples
    --------
    >>> parse_inputs(["vision=V1,V6A", "vision=cIPS"])
    {'vision': ('V1,V6A', 'cIPS')}
    """
    areas: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        sensation, _, listed = entry.partition("=")
        if not sensation.strip() or not all(n.strip() for n in listed.split(",")):
            raise typer.BadParameter(
                f"expected SENSATION=AREA[,AREA], got '{entry}'. For example: "
                "--input proprioception='Area 3a (PostCG)'.",
                param_hint="'--input'",
            )
        key = sensation.strip()
        areas[key] = (*areas.get(key, ()), listed.strip())
    return areas


def require_writable_model(path: Path) -> None:
    """Refuse a model file that could not be written, before anything is built.

    Parameters
    ----------
    path : Path
        Where the model is to go; its folder need not exist yet.

    Raises
    ------
    typer.BadParameter
        If the suffix is not ``.keras``, or the place cannot be written to.
    """
    if path.suffix != ".keras":
        raise typer.BadParameter(
            f"a model file ends in '.keras', got '{path}'.", param_hint="'--out'"
        )
    require_writable_file(path, "--out")


def require_writable_file(path: Path, flag: str) -> None:
    """Refuse a file that could not be written, as :func:`require_writable_folder`."""
    if path.is_dir():
        raise typer.BadParameter(f"'{path}' is a folder.", param_hint=f"'{flag}'")
    require_writable_folder(path.parent, flag)


def require_writable_folder(folder: Path, flag: str) -> None:
    """Refuse a folder that could not be made or written to; nothing is made.

    Parameters
    ----------
    folder : Path
        The folder.
    flag : str
        The option that named it, for the message.

    Raises
    ------
    typer.BadParameter
        If the folder cannot be made or written to.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write to the folder '{folder}': {error.strerror}.",
            param_hint=f"'{flag}'",
        ) from error
