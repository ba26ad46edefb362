# SPDX-License-Identifier: Apache-2.0
"""Draw the rooms, ``docs/rooms.svg``: ``python docs/draw_rooms.py``.

The floors are those of the import contracts in ``pyproject.toml``. What a room is for
is the first line of its docstring. So the picture can tell of no other house than the
one that is checked.
"""

import ast
import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
COLORS = {"angora_train": "#8a4b2b", "atlasnet": "#2b5c8a"}
WIDTH, LEFT, TOP = 1000, 20, 44
ROOM_HEIGHT, GAP, PACKAGE_GAP = 62, 12, 52
LETTER = 6.6
"""Mean width of a letter of the small text, px."""
FONT = "font-family='Helvetica, Arial, sans-serif'"


def main() -> None:
    """Write the picture beside this file."""
    Path(__file__).with_name("rooms.svg").write_text(draw(), encoding="utf-8")


def floors() -> dict[str, list[list[str]]]:
    """Return the rooms of each package, from the top floor down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        package: [layer.split(" | ") for layer in contract["layers"]]
        for contract in settings["tool"]["importlinter"]["contracts"]
        for package in contract.get("containers", [])
    }


def draw() -> str:
    """Return the picture as SVG."""
    parts, y = [], TOP
    for package, rows in floors().items():
        parts.append(_text(LEFT, y - 14, package, 17, COLORS[package], is_bold=True))
        for rooms in rows:
            parts += _floor(package, rooms, y)
            y += ROOM_HEIGHT + GAP
        y += PACKAGE_GAP
    height = y - PACKAGE_GAP + 8
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' "
        f"width='{WIDTH}' height='{height}' role='img' aria-label='Rooms of both "
        "packages; each imports only from the floors below'>"
    )
    ground = f"<rect width='{WIDTH}' height='{height}' rx='8' fill='#ffffff'/>"
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _floor(package: str, rooms: Sequence[str], y: int) -> list[str]:
    """Return the rooms of one floor, side by side."""
    width = (WIDTH - 2 * LEFT - GAP * (len(rooms) - 1)) / len(rooms)
    parts = []
    for i, room in enumerate(rooms):
        parts += _room(package, room, LEFT + i * (width + GAP), y, width)
    return parts


def _room(package: str, room: str, x: float, y: int, width: float) -> list[str]:
    """Return a room, its name and what it is for."""
    color = COLORS[package]
    lines = textwrap.wrap(_purpose(package, room), int((width - 20) / LETTER))
    if len(lines) > 2:
        lines = [lines[0], lines[1].rstrip(",;:.") + " ..."]
    return [
        f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{ROOM_HEIGHT}' rx='6' "
        f"fill='{color}' fill-opacity='0.08' stroke='{color}' stroke-width='1.5'/>",
        _text(x + 10, y + 21, room, 15, "#1a1a1a", is_bold=True),
        *(
            _text(x + 10, y + 38 + 14 * i, line, 12, "#555555")
            for i, line in enumerate(lines)
        ),
    ]


def _purpose(package: str, room: str) -> str:
    """Return the first line of a room's docstring, without its final period."""
    folder = ROOT / package / room
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").splitlines()[0].rstrip(".").replace("``", "")


def _text(
    x: float, y: float, text: str, size: int, color: str, *, is_bold: bool = False
) -> str:
    """Return a line of text."""
    weight = " font-weight='bold'" if is_bold else ""
    return (
        f"<text x='{x:.1f}' y='{y}' {FONT} font-size='{size}' fill='{color}'{weight}>"
        f"{escape(text)}</text>"
    )


if __name__ == "__main__":
    main()
