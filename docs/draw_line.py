# SPDX-License-Identifier: Apache-2.0
"""Draw the straight line, ``docs/line.svg``: ``python docs/draw_line.py``."""

from pathlib import Path
from xml.sax.saxutils import escape

ROWS = (
    (
        "atlasnet",
        "#2b5c8a",
        (
            ("atlas source", "data/*.csv"),
            ("RegionGraph", "graph.json"),
            ("NetworkSpec", "network.json"),
            ("keras.Model", "model.keras"),
        ),
        ("preset_graph", "plan_network", "build_model"),
    ),
    (
        "angora_train",
        "#8a4b2b",
        (
            ("Agent", "acts, step by step"),
            ("Trainer", "metrics.jsonl"),
            ("Checkpoint", "checkpoints/"),
            ("analysis", "recording.nc, figures"),
        ),
        ("train", "save, load", "record"),
    ),
)
WIDTH, HEIGHT = 880, 268
BOX_WIDTH, BOX_HEIGHT = 136, 56
LEFT, TOP, STEP, ROW_STEP = 20, 46, 234, 130
FONT = "font-family='Helvetica, Arial, sans-serif'"


def main() -> None:
    """Write the picture beside this file."""
    Path(__file__).with_name("line.svg").write_text(draw(), encoding="utf-8")


def draw() -> str:
    """Return the picture as SVG."""
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"width='{WIDTH}' height='{HEIGHT}' role='img' aria-label='{_spoken()}'>",
        "<defs><marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' "
        "markerHeight='8' orient='auto'><path d='M0 0 8 4 0 8z' fill='#444'/></marker>"
        "</defs>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='#ffffff'/>",
    ]
    for i_row, (package, color, nouns, arrows) in enumerate(ROWS):
        y = TOP + i_row * ROW_STEP
        parts.append(_text(LEFT, y - 18, package, 15, color, "start", bold=True))
        for i, (noun, file) in enumerate(nouns):
            parts += _box(LEFT + i * STEP, y, noun, file, color)
        for i, function in enumerate(arrows):
            x = LEFT + i * STEP + BOX_WIDTH
            parts += _arrow(x, y + BOX_HEIGHT / 2, function)
    parts.append(_turn())
    return "\n".join([*parts, "</svg>"]) + "\n"


def _spoken() -> str:
    """Return the line in words."""
    return " to ".join(noun for _, _, nouns, _ in ROWS for noun, _ in nouns)


def _box(x: float, y: float, noun: str, file: str, color: str) -> list[str]:
    """Return a noun and the file that it is kept in."""
    middle = x + BOX_WIDTH / 2
    return [
        f"<rect x='{x}' y='{y}' width='{BOX_WIDTH}' height='{BOX_HEIGHT}' rx='6' "
        f"fill='{color}' fill-opacity='0.08' stroke='{color}' stroke-width='1.5'/>",
        _text(middle, y + 24, noun, 15, "#1a1a1a", bold=True),
        _text(middle, y + 43, file, 12, "#555555"),
    ]


def _arrow(x: float, y: float, function: str) -> list[str]:
    """Return an arrow to the next noun, and the function that makes it."""
    gap = STEP - BOX_WIDTH
    return [
        f"<path d='M{x + 4} {y}H{x + gap - 3}' stroke='#444' stroke-width='1.5' "
        "fill='none' marker-end='url(#head)'/>",
        _text(x + gap / 2, y - 8, function, 12, "#444444"),
    ]


def _turn() -> str:
    """Return the arrow from the end of the first row to the start of the second."""
    x_from = LEFT + 3 * STEP + BOX_WIDTH / 2
    x_to = LEFT + BOX_WIDTH / 2
    y_from, y_to = TOP + BOX_HEIGHT + 4, TOP + ROW_STEP - 3
    y = TOP + BOX_HEIGHT + 22
    return (
        f"<path d='M{x_from} {y_from}V{y}H{x_to + 60}V{y_to}' stroke='#444' "
        "stroke-width='1.5' fill='none' marker-end='url(#head)'/>"
    )


def _text(
    x: float,
    y: float,
    text: str,
    size: int,
    color: str,
    anchor: str = "middle",
    *,
    bold: bool = False,
) -> str:
    """Return a line of text."""
    weight = " font-weight='bold'" if bold else ""
    return (
        f"<text x='{x}' y='{y}' {FONT} font-size='{size}' fill='{color}' "
        f"text-anchor='{anchor}'{weight}>{escape(text)}</text>"
    )


if __name__ == "__main__":
    main()
