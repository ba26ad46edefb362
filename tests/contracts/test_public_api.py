# SPDX-License-Identifier: Apache-2.0
"""The public names are few, sorted and deliberate."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import angora_train
import atlasnet
from tests.contracts.documents import ROOT

PUBLIC = [
    "AtlasNetError",
    "AtlasSource",
    "Clamp",
    "GraphRules",
    "Interface",
    "Intervention",
    "Lesion",
    "NetworkSpec",
    "Noise",
    "PlanOptions",
    "Projection",
    "Region",
    "RegionGraph",
    "SiibraSource",
    "Silencer",
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
    "figures",
    "freeze",
    "hand_interface",
    "intervene",
    "load_model",
    "parameters_by_area",
    "parameters_by_pathway",
    "parse_intervention",
    "plan_network",
    "policy_only",
    "preset_graph",
    "randomize",
    "replace_areas",
    "rewire",
    "save_model",
    "spec_of",
    "split_frozen_streams",
    "strongest_neighbours",
    "take_weights",
]
TRAINER = [
    "Agent",
    "AgentActor",
    "AngoraError",
    "Checkpoint",
    "Comm",
    "Demonstrations",
    "Distribution",
    "Evaluation",
    "LocalComm",
    "Normalizer",
    "Prepared",
    "RewardScaler",
    "RunConfig",
    "Simulation",
    "Task",
    "TaskConfig",
    "VectorTask",
    "Verdict",
    "area_activity",
    "area_layers",
    "demonstrate",
    "evaluate",
    "export_agent",
    "film",
    "load_agent",
    "load_config",
    "load_recording",
    "make_comm",
    "make_network",
    "make_task",
    "make_vector_task",
    "open_recording",
    "prepare",
    "pretrain",
    "read_group",
    "record",
    "register_task",
    "replay",
    "save_recording",
    "summarize",
    "task_names",
    "to_pandas",
    "to_rsatoolbox",
    "train",
    "write_video",
]
NAMES = {atlasnet: PUBLIC, angora_train: TRAINER}
MODULES = sorted(
    path
    for package in ("atlasnet", "angora_train")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py"
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")


@pytest.mark.parametrize("package", NAMES, ids=lambda package: package.__name__)
def test_the_public_names_are_those_meant(package: ModuleType) -> None:
    assert package.__all__ == NAMES[package] == sorted(NAMES[package])


@pytest.mark.parametrize(
    ("package", "name"),
    [(package, name) for package, names in NAMES.items() for name in names],
)
def test_every_public_name_resolves_and_is_described(
    package: ModuleType, name: str
) -> None:
    assert getattr(package, name).__doc__
    assert name in dir(package)


@pytest.mark.parametrize("package", NAMES, ids=lambda package: package.__name__)
def test_a_name_that_does_not_exist_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="RegionGraf"):
        package.RegionGraf  # noqa: B018


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
    assert angora_train.__version__ == atlasnet.__version__


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("angora_train.distributions", "angora_train.agent.distributions"),
        ("angora_train.normalization", "angora_train.agent.normalization"),
        ("angora_train.pictures", "angora_train.analysis.pictures"),
        ("angora_train.tasks.simulation", "angora_train.tasks.worlds.simulation"),
        ("atlasnet.cli", "atlasnet.commands.app"),
        ("atlasnet.spec", "atlasnet.plan.spec"),
    ],
)
def test_a_module_that_moved_is_found_by_its_old_name(old: str, new: str) -> None:
    assert importlib.import_module(old) is importlib.import_module(new)


def test_a_room_with_the_name_of_an_old_module_gives_what_that_gave() -> None:
    assert importlib.import_module("atlasnet.graph").RegionGraph is atlasnet.RegionGraph
    assert importlib.import_module("angora_train.agent").Agent is angora_train.Agent
    config = importlib.import_module("angora_train.config")
    assert config.RunConfig is angora_train.RunConfig
    assert config.load_config is angora_train.load_config
    with pytest.raises(AttributeError, match="RunKonfig"):
        config.RunKonfig  # noqa: B018


def test_help_tells_of_every_field_of_what_can_be_chosen() -> None:
    for kind in (atlasnet.PlanOptions, atlasnet.GraphRules, angora_train.RunConfig):
        told = kind.__doc__ or ""
        for name, field in kind.model_fields.items():
            assert f"\n{name} : " in told
            assert (field.description or "").split("\n")[0] in told
    assert "time_constant_s : float, by default 0.02" in atlasnet.PlanOptions.__doc__


def _paths_alone(module: Path) -> Iterator[str]:
    """Yield parameters of a module that take paths and no texts."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [*node.args.args, *node.args.kwonlyargs]
            taken = [(node.name, each.arg, each.annotation) for each in given]
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            taken = [("__init__", each.arg, each.annotation) for each in node.args.args]
        else:
            continue
        for name, argument, annotation in taken:
            kinds = ast.unparse(annotation).split(" | ") if annotation else []
            if "Path" in kinds and "str" not in kinds:
                yield f"{module.relative_to(ROOT)}: {name}({argument})"


def test_whatever_takes_a_path_takes_a_text() -> None:
    rooms = (ROOT / "atlasnet").rglob("*.py")
    modules = [path for path in rooms if "commands" not in path.parts]
    assert modules
    assert [found for module in modules for found in _paths_alone(module)] == []
