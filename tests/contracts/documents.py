# SPDX-License-Identifier: Apache-2.0
"""The repository's pages, and what is written in their blocks."""

import re
import shlex
from pathlib import Path

__all__ = ["ROOT", "blocks", "commands", "pages"]

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """Return every page that a reader is led to."""
    folders = (ROOT, ROOT / "docs", ROOT / "data", ROOT / "benchmarks")
    return sorted(page for folder in folders for page in folder.glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Return the shell commands of a page, in words."""
    text = "".join(blocks(page, "bash")).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [line for line in lines if line]
