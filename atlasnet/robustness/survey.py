# SPDX-License-Identifier: Apache-2.0
"""Survey: every variant planned, and every statement tested on it."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from atlasnet.atlas.edges import edge_rule_text
from atlasnet.atlas.rules import GraphRules
from atlasnet.errors import AtlasNetError
from atlasnet.graph.graph import RegionGraph
from atlasnet.plan.sharing import UnitRule
from atlasnet.plan.spec import NetworkSpec
from atlasnet.robustness.choices import CHOICES, Variant
from atlasnet.robustness.statements import Planned, Statement, statements_of

__all__ = ["Finding", "Survey", "survey"]

MakeGraph = Callable[[GraphRules], RegionGraph]
Plan = Callable[[RegionGraph, UnitRule], NetworkSpec]
Tell = Callable[[int, int], None]
"""Told how many variants are planned, and how many there are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a statement is in a variant."""

    statement: Statement
    variant: Variant
    value: float | None
    """Its number, None where it has none."""
    holds: bool | None
    """None where nothing can be said, or is claimed."""


@dataclass(frozen=True)
class Survey:
    """What became of all statements."""

    statements: tuple[Statement, ...]
    variants: tuple[Variant, ...]
    """Those that could be planned, the default first."""
    findings: tuple[Finding, ...]
    """By variant, then by statement."""
    rules: GraphRules
    """Of the default."""
    units: UnitRule
    """Of the default."""
    failures: tuple[tuple[Variant, str], ...] = ()
    """Variants that could not be planned, and why."""

    def of(self, statement: Statement, *, single: bool = True) -> tuple[Finding, ...]:
        """Return what a statement is in the variants that change one choice, or more.

        The default comes first among those that change one.
        """
        return tuple(
            finding
            for finding in self.findings
            if finding.statement is statement and finding.variant.is_single == single
        )

    def summary(self) -> list[dict[str, Any]]:
        """Return a record of each statement.

        Returns
        -------
        list of dict
            ``statement``, ``sentence``, ``measured``, ``bound``; ``default``,
            ``least`` and ``most``, its numbers when one choice is changed;
            ``verdict``: ``survives``, ``falls`` (under some variant), ``false`` (in
            the default), ``not said`` or ``reported``; ``n_holds`` of ``n_tested``
            variants; ``falls_under``, those of one change in which it does; and of
            combinations ``combinations_held`` and ``combinations_tested``.
        """
        return [self._summary_of(statement) for statement in self.statements]

    def _summary_of(self, statement: Statement) -> dict[str, Any]:
        """Return the record of one statement."""
        default, *rest = self.of(statement)
        known = [f.value for f in (default, *rest) if f.value is not None]
        tested = [f for f in (default, *rest) if f.holds is not None]
        mixed = self.of(statement, single=False)
        combined = [f for f in mixed if f.holds is not None]
        falls = [f.variant.name for f in tested if not f.holds]
        if statement.bound is None:
            verdict = "reported"
        elif not tested or default.holds is None:
            verdict = "not said"
        elif not default.holds:
            verdict = "false"
        else:
            verdict = "falls" if falls else "survives"
        return {
            "statement": statement.name,
            "sentence": statement.sentence,
            "measured": statement.measured,
            "bound": "" if statement.bound is None else str(statement.bound),
            "default": default.value,
            "least": min(known, default=None),
            "most": max(known, default=None),
            "verdict": verdict,
            "n_holds": sum(bool(f.holds) for f in tested),
            "n_tested": len(tested),
            "falls_under": falls,
            "combinations_held": sum(bool(f.holds) for f in combined),
            "combinations_tested": len(combined),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one row a statement and variant: choices, number, verdict."""
        for finding in self.findings:
            rules, units = finding.variant.applied(self.rules, self.units)
            levels = {
                c.name: getattr(rules if c.owner == "rules" else units, c.name)
                for c in CHOICES
            }
            yield {
                "variant": finding.variant.name,
                "n_changes": len(finding.variant.changes),
                **levels,
                "edges": edge_rule_text(rules.edges),
                "statement": finding.statement.name,
                "value": finding.value,
                "holds": finding.holds,
            }

    def to_csv(self) -> str:
        """Return all rows as CSV; what is not known is empty."""
        return _as_csv(list(self.rows()))

    def summary_csv(self) -> str:
        """Return the summary as CSV, lists with ``;`` between."""
        return _as_csv(
            [{**r, "falls_under": ";".join(r["falls_under"])} for r in self.summary()]
        )


def survey(
    make_graph: MakeGraph,
    plan: Plan,
    base: tuple[GraphRules, UnitRule],
    variants: Sequence[Variant],
    tell: Tell = lambda done, total: None,
) -> Survey:
    """Plan every variant, and test every statement on it.

    Parameters
    ----------
    make_graph : callable
        Makes a graph by rules; called once for each set of rules.
    plan : callable
        Plans a network on a graph, with a sharing of units.
    base : tuple of GraphRules and UnitRule
        Those of the default.
    variants : sequence of Variant
        What is planned, the default first.
    tell : callable, optional
        Told of the progress.

    Returns
    -------
    Survey
        What holds. A variant that cannot be planned is among its failures.

    Raises
    ------
    AtlasNetError
        If the default cannot be planned.
    """
    graphs: dict[str, RegionGraph] = {}

    def planned(variant: Variant) -> Planned:
        rules, units = variant.applied(*base)
        key = rules.model_dump_json()
        if key not in graphs:
            graphs[key] = make_graph(rules)
        return Planned(graphs[key], plan(graphs[key], units), units.floor)

    default = planned(variants[0])
    statements = statements_of(default)
    values = {s.name: s.measure(default, default) for s in statements}
    done: list[Variant] = []
    findings: list[Finding] = []
    failures: list[tuple[Variant, str]] = []
    for i, variant in enumerate(variants):
        tell(i, len(variants))
        try:
            now = planned(variant) if i else default
        except AtlasNetError as error:
            failures.append((variant, str(error)))
            continue
        done.append(variant)
        for statement in statements:
            value = statement.measure(now, default)
            holds = statement.holds(value, values[statement.name])
            findings.append(Finding(statement, variant, value, holds))
    tell(len(variants), len(variants))
    return Survey(
        statements, tuple(done), tuple(findings), *base, failures=tuple(failures)
    )


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return records as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: _cell(v) for k, v in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else value
