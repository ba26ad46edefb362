# SPDX-License-Identifier: Apache-2.0
"""The code in numbers: rooms, circles, lengths, and how much is documented.

``python benchmarks/house.py [--quick] [--json] [--root FOLDER] [--long]``

Figures
-------
circles
    Rooms that import each other in a loop, and modules of one room that do.
rooms_angora_train, rooms_atlasnet
    Modules and folders at the top of a package, without its ``__init__.py``.
longest_function
    Lines of the longest function, its decorators and docstring included, but for
    `EXCEPTIONS`, in which the docstring is the longer part.
most_parameters
    Parameters of the function with most, ``self`` aside; Keras layers excepted, whose
    arguments are their configuration.
longest_module
    Lines of the longest module.
code_lines
    Lines of both packages without blanks, comments and docstrings; attributes'
    docstrings count as such.
documented_share
    Share of public modules, classes, functions, methods and typed fields with a
    docstring.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
from figures import Figures, figure, make_parser, present

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("angora_train", "atlasnet")
_SAID = "its docstring is longer than its body: "
EXCEPTIONS: Mapping[str, str] = {
    "angora_train.demo.run_demo": _SAID + "seven parameters, six stages",
    "angora_train.learning.advantages.generalized_advantage": _SAID
    + "six arrays with shapes and units, an example",
    "angora_train.run.preparation.prepare": _SAID + "six parameters, an example",
    "angora_train.tasks.base.VectorTask.step": _SAID + "Gymnasium's five results",
    "atlasnet.model.builder.build_model": _SAID + "what goes in and out of a model",
    "atlasnet.plan.interface.hand_interface": _SAID + "what a body offers, an example",
}
"""Functions whose honest form is longer than 60 lines, and why."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the packages."""

    name: str
    text: str
    tree: ast.Module


def main() -> None:
    """Count, and print the figures."""
    parser = make_parser("The code in numbers.", "makes no difference")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("--long", action="store_true", help="list what is long")
    options = parser.parse_args()
    modules = read_modules(options.root)
    if options.long:
        for line in long_places(modules):
            print(line)
        return
    present(measure(modules, options.root), as_json=options.json)


def measure(modules: list[Module], root: Path) -> Figures:
    """Return the figures of some modules."""
    functions = [item for module in modules for item in functions_of(module)]
    lengths = [length(node) for name, node in functions if name not in EXCEPTIONS]
    documented = [is_said for module in modules for is_said in documentation(module)]
    return {
        "circles": figure(n_circles(modules), "1"),
        **{
            f"rooms_{package}": figure(n_rooms(root / package), "1")
            for package in PACKAGES
        },
        "longest_function": figure(max(lengths), "1"),
        "most_parameters": figure(
            max(n_parameters(node) for name, node in functions if not is_layer(name)),
            "1",
        ),
        "longest_module": figure(
            max(len(module.text.splitlines()) for module in modules), "1"
        ),
        "code_lines": {
            "value": float(sum(n_code_lines(module) for module in modules)),
            "unit": "1",
        },
        "documented_share": figure(sum(documented) / len(documented), "1"),
    }


def read_modules(root: Path) -> list[Module]:
    """Read every module of the packages."""
    modules = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            text = path.read_text(encoding="utf-8")
            modules.append(Module(name, text, ast.parse(text)))
    return modules


def n_rooms(package: Path) -> int:
    """Count the entries at the top of a package."""
    entries = {
        path.stem
        for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    return len(entries - {"__init__"})


def n_circles(modules: list[Module]) -> int:
    """Count groups of siblings, at any depth, that import each other in a loop."""
    names = {module.name for module in modules}
    found = 0
    for parent in names | set(PACKAGES):
        graph: nx.DiGraph = nx.DiGraph()
        for module in modules:
            own = _child(parent, module.name)
            if own is None:
                continue
            for target in imports(module, names):
                other = _child(parent, target)
                if other is not None and other != own:
                    graph.add_edge(own, other)
        components = nx.strongly_connected_components(graph)
        found += sum(len(component) > 1 for component in components)
    return found


def _child(parent: str, name: str) -> str | None:
    """Return which child of a package a module is or stands in."""
    if not name.startswith(f"{parent}."):
        return None
    return name[len(parent) + 1 :].partition(".")[0]


def imports(module: Module, names: set[str]) -> Iterator[str]:
    """Yield the modules that a module imports anywhere, but for type checkers."""
    typing_only = {
        id(node)
        for test in ast.walk(module.tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
        for node in ast.walk(test)
    }
    for node in ast.walk(module.tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module in names:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in names else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)


def functions_of(module: Module) -> Iterator[tuple[str, Function]]:
    """Yield the functions and methods of a module by their whole names."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", "")
            if isinstance(child, Function):
                yield f"{prefix}.{name}", child
            inner = f"{prefix}.{name}" if isinstance(child, ast.ClassDef) else prefix
            yield from walk(child, inner)

    yield from walk(module.tree, module.name)


def length(node: Function) -> int:
    """Return the lines of a function, its decorators included."""
    first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def n_parameters(node: Function) -> int:
    """Count a function's parameters."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in named)


def is_layer(name: str) -> bool:
    """Tell whether a function is the constructor of a Keras layer."""
    return name.startswith("atlasnet.layers.") and name.endswith("__init__")


def n_code_lines(module: Module) -> int:
    """Count the lines that are no blank, comment or docstring."""
    said = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            said |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    coded = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in silent:
            coded |= set(range(token.start[0], token.end[0] + 1))
    return len(coded - said)


def documentation(module: Module) -> Iterator[bool]:
    """Yield of everything public whether it is documented."""
    yield ast.get_docstring(module.tree) is not None
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                yield from _documented_members(node)


def _documented_members(node: ast.ClassDef) -> Iterator[bool]:
    """Yield of every public method and typed field whether it is documented."""
    explained = ast.get_docstring(node) or ""
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(item, Function) and not item.name.startswith("_"):
            yield ast.get_docstring(item) is not None
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            name = item.target.id
            if not name.startswith("_"):
                is_said = isinstance(after, ast.Expr)
                yield is_said or f"{name} :" in explained or f"``{name}``" in explained


def long_places(modules: list[Module]) -> list[str]:
    """Return what is longer than wanted, worst first."""
    rows = []
    for module in modules:
        lines = len(module.text.splitlines())
        if lines > 500:
            rows.append((lines / 500, f"{module.name}: {lines} lines"))
        for name, node in functions_of(module):
            if length(node) > 60:
                rows.append((length(node) / 60, f"{name}: {length(node)} lines"))
            count = n_parameters(node)
            if count > 8 and not is_layer(name):
                rows.append((count / 8, f"{name}: {count} parameters"))
    return [row for _, row in sorted(rows, reverse=True)]


if __name__ == "__main__":
    main()
