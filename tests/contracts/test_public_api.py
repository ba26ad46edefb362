# SPDX-License-Identifier: Apache-2.0
"""The public names are few, sorted and deliberate."""

import ast
import importlib
from pathlib import Path

import pytest

import atlasnet
from tests.contracts.documents import ROOT

PUBLIC = [
    "AtlasNetError",
    "AtlasSource",
    "Clamp",
    "GraphRules",
    "Interface",
    "Lesion",
    "NetworkSpec",
    "Noise",
    "PlanOptions",
    "Projection",
    "Region",
    "RegionGraph",
    "SiibraSource",
    "SnapshotSource",
    "TableSource",
    "UnitRule",
    "VisualRule",
    "adopt_areas",
    "all_regions_graph",
    "bibliography",
    "build_graph",
    "build_model",
    "compare_graphs",
    "connect_stream",
    "export_graph",
    "freeze",
    "hand_interface",
    "intervene",
    "load_model",
    "parameters_by_area",
    "parameters_by_pathway",
    "plan_network",
    "policy_only",
    "preset_graph",
    "randomize",
    "replace_areas",
    "save_model",
    "spec_of",
    "split_frozen_streams",
    "strongest_neighbours",
    "take_weights",
]
MODULES = sorted(
    path
    for package in ("atlasnet", "angora_train")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py"
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")


def test_the_public_names_are_those_meant() -> None:
    assert atlasnet.__all__ == PUBLIC == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_resolves_and_is_described(name: str) -> None:
    assert getattr(atlasnet, name).__doc__
    assert name in dir(atlasnet)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "atlasnet" / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = [alias.asname for node in imports for alias in node.names if alias.asname]
    assert sorted(seen) == PUBLIC


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'RegionGraf'"):
        atlasnet.RegionGraf  # noqa: B018


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is_and_what_is_public(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    names = _public(tree)
    assert names, "no __all__"
    assert len(set(names)) == len(names)
    assert set(names) <= _defined(tree)


def _public(tree: ast.Module) -> list[str]:
    """Return ``__all__``, as it is written."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def _defined(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_both_packages_have_one_version() -> None:
    trainer = importlib.import_module("angora_train")
    assert trainer.__version__ == atlasnet.__version__
