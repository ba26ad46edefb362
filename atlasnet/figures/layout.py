# SPDX-License-Identifier: Apache-2.0
"""Layered layout: nodes in columns, few crossings, short lines.

The method is that of Sugiyama et al. (1981, IEEE Trans Syst Man Cybern 11:109): a line
that spans several columns runs through a waypoint in each column between, columns are
ordered by barycentres, and heights are then relaxed without changing the order. Lines
that leave the same node share their waypoints and fork where they part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

__all__ = ["Layout", "lay_out", "longest_path_levels"]

Node = tuple[str, int]
"""A name and a column: the node itself, or a waypoint of the lines that leave it."""

_WAYPOINT_HEIGHT = 0.1
_GAP = 0.26
_SWEEPS = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Where nodes and lines are, in units of one box height and one column."""

    columns: tuple[tuple[Node, ...], ...]
    """Nodes and waypoints of each column, from the top down."""
    height: Mapping[Node, float]
    """Vertical position of each node and waypoint, growing upwards."""
    level: Mapping[str, int]
    """Column of each node."""

    def position(self, name: str) -> tuple[float, float]:
        """Return column and height of a node."""
        level = self.level[name]
        return float(level), self.height[name, level]

    def route(self, source: str, target: str) -> list[tuple[float, float]]:
        """Return the points that the line from `source` to `target` runs through."""
        between = range(self.level[source] + 1, self.level[target])
        waypoints = [(float(k), self.height[source, k]) for k in between]
        return [self.position(source), *waypoints, self.position(target)]


def longest_path_levels(
    names: Iterable[str], edges: Iterable[tuple[str, str]], entries: Iterable[str]
) -> dict[str, int]:
    """Return the length of the longest path that leads to each node.

    Parameters
    ----------
    names : iterable of str
        All nodes.
    edges : iterable of (str, str)
        Directed edges without a cycle.
    entries : iterable of str
        Nodes where input arrives. A node with neither input nor an incoming edge is
        placed just before the first node that it leads to.

    Returns
    -------
    dict of str to int
        Level of each node, from 1.

    Examples
    --------
    >>> longest_path_levels("abc", [("a", "b"), ("b", "c"), ("a", "c")], ["a"])
    {'a': 1, 'b': 2, 'c': 3}
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(edges)
    generations = enumerate(nx.topological_generations(graph), start=1)
    level = {name: k for k, names in generations for name in names}
    entered = set(entries)
    for name in graph:
        targets = [level[target] for target in graph.successors(name)]
        if name not in entered and graph.in_degree(name) == 0 and targets:
            level[name] = max(1, min(targets) - 1)
    return {name: level[name] for name in graph}


def lay_out(level: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> Layout:
    """Place nodes of given columns so that lines cross little and run straight.

    Parameters
    ----------
    level : mapping of str to int
        Column of each node, from 0. The mapping's order is the first guess.
    edges : sequence of (str, str)
        Directed edges, each from a lower to a higher column.

    Returns
    -------
    Layout
        Positions; neighbours in a column never overlap.
    """
    columns, links = _with_waypoints(level, edges)
    columns = _order(columns, links)
    height = _relax(columns, links)
    return Layout(tuple(tuple(column) for column in columns), height, dict(level))


def _with_waypoints(
    level: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[Node]], list[tuple[Node, Node]]]:
    """Break each edge into links between neighbouring columns."""
    columns: list[list[Node]] = [[] for _ in range(max(level.values()) + 1)]
    for name, k in level.items():
        columns[k].append((name, k))
    reach = {name: k + 1 for name, k in level.items()}
    for source, target in edges:
        reach[source] = max(reach[source], level[target])
    links: dict[tuple[Node, Node], None] = {}
    for source, k in level.items():
        for column in range(k + 1, reach[source]):
            columns[column].append((source, column))
            links[(source, column - 1), (source, column)] = None
    for source, target in edges:
        links[(source, level[target] - 1), (target, level[target])] = None
    return columns, list(links)


def _order(
    columns: list[list[Node]], links: list[tuple[Node, Node]]
) -> list[list[Node]]:
    """Sort each column by the mean rank of its neighbours, and keep the best."""
    before, after = _neighbours(links)
    best, fewest = [list(c) for c in columns], _crossings(columns, links)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        order = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        side = before if forward else after
        for k in order:
            rank = _ranks(columns[k - 1] if forward else columns[k + 1])
            own = _ranks(columns[k])
            keys = {
                node: float(np.mean([rank[n] for n in side[node]]))
                if side.get(node)
                else own[node]
                for node in columns[k]
            }
            columns[k] = sorted(columns[k], key=lambda node: keys[node])
        _swap_neighbours(columns, before, after)
        crossings = _crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
    return best


def _swap_neighbours(
    columns: list[list[Node]],
    before: Mapping[Node, list[Node]],
    after: Mapping[Node, list[Node]],
) -> None:
    """Swap neighbours in a column wherever that removes a crossing."""
    for k, column in enumerate(columns):
        sides = []
        if k > 0:
            sides.append((_ranks(columns[k - 1]), before))
        if k + 1 < len(columns):
            sides.append((_ranks(columns[k + 1]), after))
        for i in range(len(column) - 1):
            upper, lower = column[i], column[i + 1]
            gain = 0
            for rank, side in sides:
                a = np.array([rank[n] for n in side.get(upper, [])])
                b = np.array([rank[n] for n in side.get(lower, [])])
                gain += int((a[:, None] > b).sum()) - int((a[:, None] < b).sum())
            if gain > 0:
                column[i], column[i + 1] = lower, upper


def _relax(
    columns: list[list[Node]], links: list[tuple[Node, Node]]
) -> dict[Node, float]:
    """Move nodes towards their neighbours' heights, keeping order and distance."""
    before, after = _neighbours(links)
    height: dict[Node, float] = {}
    spacing = []
    for column in columns:
        sizes = np.array(
            [1.0 if _is_box(node, before) else _WAYPOINT_HEIGHT for node in column]
        )
        offsets = np.concatenate(
            [[0.0], np.cumsum((sizes[1:] + sizes[:-1]) / 2 + _GAP)]
        )
        spacing.append(offsets)
        for node, offset in zip(column, offsets, strict=True):
            height[node] = float(offsets[-1] / 2 - offset)
    for sweep in range(2 * _SWEEPS):
        order = range(len(columns)) if sweep % 2 == 0 else range(len(columns))[::-1]
        for k in order:
            wanted, weight = [], []
            for node in columns[k]:
                near = before.get(node, []) + after.get(node, [])
                pull = [4.0 if n[0] == node[0] else 1.0 for n in near]
                goal = sum(p * height[n] for p, n in zip(pull, near, strict=True))
                total = sum(pull) + 0.2  # a slight pull to the middle
                wanted.append(-goal / total)
                weight.append(total)
            fit = isotonic_regression(np.array(wanted) - spacing[k], weights=weight)
            for node, y in zip(columns[k], fit.x + spacing[k], strict=True):
                height[node] = -float(y)
    return height


def _is_box(node: Node, before: Mapping[Node, list[Node]]) -> bool:
    """Tell a node from a waypoint, which continues the line of its own name."""
    return all(neighbour[0] != node[0] for neighbour in before.get(node, []))


def _neighbours(
    links: list[tuple[Node, Node]],
) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    """Return the nodes before and after each node."""
    before: dict[Node, list[Node]] = {}
    after: dict[Node, list[Node]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _ranks(column: Sequence[Node]) -> dict[Node, int]:
    return {node: i for i, node in enumerate(column)}


def _crossings(columns: list[list[Node]], links: list[tuple[Node, Node]]) -> int:
    """Count pairs of links that cross."""
    ranks = [_ranks(column) for column in columns]
    total = 0
    for k in range(1, len(columns)):
        ends = np.array(
            [
                (ranks[k - 1][source], ranks[k][target])
                for source, target in links
                if target[1] == k
            ]
        ).reshape(-1, 2)
        left = np.sign(ends[:, None, 0] - ends[None, :, 0])
        right = np.sign(ends[:, None, 1] - ends[None, :, 1])
        total += int((left * right < 0).sum()) // 2
    return total
