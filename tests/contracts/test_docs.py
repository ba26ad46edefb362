# SPDX-License-Identifier: Apache-2.0
"""Links lead somewhere, commands exist, code runs, what is cited is listed."""

import ast
import re
import runpy
from pathlib import Path
from typing import Any

import keras  # noqa: F401 - blocks train; pictures that other tests draw come later
import pytest
import typer
import yaml

import angora_train.commands.app
import atlasnet.commands.app
from angora_train.config.run import RunConfig
from angora_train.run.preparation import prepare
from tests.contracts.documents import ROOT, blocks, commands, pages

PROGRAMS: dict[str, Any] = {
    "atlasnet": typer.main.get_command(atlasnet.commands.app.app),
    "angora-train": typer.main.get_command(angora_train.commands.app.app),
}
CODE = [
    pytest.param(block, id=f"{page.name}-{i}")
    for page in pages()
    if page.name != "README.md"
    for i, block in enumerate(blocks(page, "python"))
]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert missing == []


def test_every_place_where_something_is_added_exists() -> None:
    text = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        assert re.search(r"`(angora_train|atlasnet)/", row), row
        assert "`tests/" in row
    places = re.findall(r"`([\w/]+/[\w.]*)`", text)
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_command_and_option_exists(page: Path) -> None:
    for words in commands(page):
        if words[0] == "mpiexec":
            words = words[3:]
        if words[0] == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
        elif words[0] in PROGRAMS:
            _check_options(words)


def _check_options(words: list[str]) -> None:
    """Check a call of one of our programs against its own list of options."""
    command = PROGRAMS[words[0]].commands[words[1]]
    options = getattr(command, "imported", command).params
    known = {
        spelling
        for option in options
        for spelling in (*option.opts, *option.secondary_opts)
    }
    given = {word for word in words if word.startswith("--")}
    assert given <= known, words
    needed = {o.opts[0] for o in options if o.required and o.opts[0].startswith("-")}
    assert needed <= given, words


@pytest.mark.slow
@pytest.mark.parametrize("code", CODE)
def test_every_block_of_python_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {})


RUNS = [
    pytest.param(block, id=f"{name}-{i}")
    for name in ("custom_task.md", "tasks.md")
    for i, block in enumerate(blocks(ROOT / "docs" / name, "yaml"))
    if block.startswith("task:")
]


@pytest.mark.slow
@pytest.mark.parametrize("block", RUNS)
def test_every_run_that_begins_with_its_task_can_be_begun(block: str) -> None:
    ready = prepare(RunConfig.from_dict(yaml.safe_load(block)))
    assert ready.model.count_params() > 0
    ready.task.close()


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_key_that_is_cited_is_in_the_bibliography(page: Path) -> None:
    bibliography = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE)
    assert len(keys) == len(set(keys))
    cited = re.findall(r"\[@(\w+)", page.read_text(encoding="utf-8"))
    assert set(cited) <= set(keys)


def test_the_table_of_contents_lists_every_page() -> None:
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    others = [page.name for page in (ROOT / "docs").glob("*.md")]
    assert [name for name in others if f"({name})" not in contents] == ["index.md"]


@pytest.mark.parametrize("name", ["line", "rooms"])
def test_a_picture_is_what_its_script_draws(name: str) -> None:
    script = runpy.run_path(str(ROOT / "docs" / f"draw_{name}.py"))
    picture = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    assert picture == script["draw"]()


ROOMS = sorted(
    file.parent
    for package in ("atlasnet", "angora_train")
    for file in (ROOT / package).glob("*/**/__init__.py")
)


@pytest.mark.parametrize("room", ROOMS, ids=_name)
def test_a_room_says_what_lives_there_and_what_may_not(room: Path) -> None:
    tree = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    said = ast.get_docstring(tree) or ""
    sentences = [part for part in re.split(r"[.:;](?:\s|$)", said) if part.strip()]
    assert len(sentences) >= 3, said  # the title, and two more


def test_the_picture_of_rooms_shows_every_room_on_its_floor() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "draw_rooms.py"))
    for package, rows in script["floors"]().items():
        inside = (ROOT / package).iterdir()
        entries = {p.stem for p in inside if p.is_dir() or p.suffix == ".py"}
        rooms = {room for row in rows for room in row}
        assert rooms == entries - {"__init__", "__pycache__"}


def test_the_citation_file_has_what_its_format_requires() -> None:
    # https://github.com/citation-file-format/citation-file-format, schema 1.2.0
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == atlasnet.__version__
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
    everyone = [a for r in [citation, *citation["references"]] for a in r["authors"]]
    for author in everyone:
        assert "name" in author or {"given-names", "family-names"} <= set(author)


def test_the_citation_file_names_what_the_project_stands_on() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    dois = {reference.get("doi") for reference in citation["references"]}
    assert dois >= {
        "10.1126/science.abb4588",  # Julich-Brain
        "10.25493/NVS8-XS5",  # connectomes
        "10.3389/fninf.2023.1223687",  # AngoraPy
        "10.5281/zenodo.7885728",  # siibra
    }
