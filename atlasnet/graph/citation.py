# SPDX-License-Identifier: Apache-2.0
"""What to cite for a graph: the data and methods that it used, and no others."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from string import ascii_lowercase

from atlasnet.errors import GraphError
from atlasnet.graph.graph import RegionGraph
from atlasnet.graph.null_models import NULL_MODELS
from atlasnet.signature import checked

__all__ = ["bibliography", "references"]

_CITATION = re.compile(
    r"(?P<authors>.+?) (?P<year>\d{4}) (?P<journal>.+) (?P<volume>\d+):(?P<pages>\S+)"
)
_DOI = re.compile(r", doi:(\S+)")
_PART_NOTE = re.compile(r" \([^;]* as part of .*\)$")

_OF_DENSITY: Mapping[str, tuple[str, ...]] = {
    "homologue": ("economo1925", "triarhou2009", "pronold2024"),
    "surface_overlap": ("economo1925", "triarhou2009", "pronold2024", "scholtens2018"),
    "measured_layers": ("upschulte2022",),
    "mixed": ("economo1925", "triarhou2009", "pronold2024", "scholtens2018"),
}
_OF_DIRECTION: Mapping[str, tuple[str, ...]] = {
    "structural_model": ("schmidt2018", "pronold2024"),
    "hierarchy": ("felleman1991", "markov2014hierarchy", "froudist2021"),
    "cortical_type": ("barbas1986", "garciacabezas2019", "garciacabezas2020"),
}
_OF_COHORT: Mapping[str, tuple[str, ...]] = {
    "HCP": ("domhof2021", "domhof2022", "vanessen2013"),
    "1000BRAINS": ("domhof2021", "caspers2014"),
}


def references(graph: RegionGraph) -> tuple[str, ...]:
    """Return the keys of the data and methods that a graph used.

    Parameters
    ----------
    graph : RegionGraph
        The graph.

    Returns
    -------
    tuple of str
        Keys, sorted; without the pathways' citations.
    """
    about = graph.metadata
    keys: set[str] = set()
    if about.get("atlas") == "Julich-Brain":
        keys |= {"amunts2020", "siibra"}
        keys |= set(_OF_COHORT.get(str(about.get("cohort", "HCP")), ()))
    for region in graph.regions:
        keys |= set(_OF_DENSITY.get(region.cell_density_rule or "", ()))
    for edge in graph.projections:
        keys |= set(_OF_DIRECTION.get(edge.direction_rule, ()))
    if about.get("weight") == "input_share" or "of the target's" in str(
        about.get("edge_rule", "")
    ):
        keys.add("markov2014fln")
    model = about.get("null_model")
    if isinstance(model, str) and model in NULL_MODELS:
        keys |= set(NULL_MODELS[model].references)
    return tuple(sorted(keys))


@checked(GraphError)
def bibliography(graph: RegionGraph) -> str:
    r"""Return the BibTeX of exactly the data and methods that a graph used.

    Parameters
    ----------
    graph : RegionGraph
        The graph.

    Returns
    -------
    str
        BibTeX: first data and methods, then the papers whose statements decided the
        direction of a projection. What the user's own files are is not known here; a
        comment says so.

    Examples
    --------
    >>> bibliography(RegionGraph([], [], {"atlas": "own atlas", "source": "tables"}))
    "% The atlas 'own atlas' is from the user's own files: cite their sources.\n"
    """
    entries = _entries()
    parts = []
    if graph.metadata.get("source") == "tables":
        parts.append(
            f"% The atlas '{graph.metadata.get('atlas')}' is from the user's own "
            "files: cite their sources."
        )
    claimed = [e for e in graph.projections if e.direction_rule == "table"]
    if claimed:
        listed = "; ".join(sorted({edge.citation or "" for edge in claimed}))
        parts.append(f"% Directions by the user's table, which says: {listed}")
    parts += [entries[key] for key in references(graph)]
    parts += _pathway_entries(graph)
    return "\n\n".join(parts) + "\n" if parts else ""


@cache
def _entries() -> Mapping[str, str]:
    """Return the entries of the bibliography by key."""
    text = (files("atlasnet.data") / "references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^(@\w+\{(\w+),.*?^\})", text, re.MULTILINE | re.DOTALL)
    return {key: entry for entry, key in found}


def _pathway_entries(graph: RegionGraph) -> Iterator[str]:
    """Yield an entry per paper that decided a direction."""
    papers: dict[str, str | None] = {}
    for edge in graph.projections:
        if edge.direction_rule == "cited" and edge.citation is not None:
            text, doi = _split(edge.citation)
            papers[text] = doi
    taken: dict[str, int] = {}
    for text, doi in sorted(papers.items()):
        found = _CITATION.fullmatch(text)
        if found is None:
            yield f"@misc{{{_key('cited', taken)},\n  note = {{{text}}},\n}}"
            continue
        surname = re.sub(r"[^a-z]", "", found["authors"].split()[0].casefold())
        fields = {
            "author": _authors(found["authors"]),
            "journal": found["journal"],
            "volume": found["volume"],
            "pages": found["pages"],
            "year": found["year"],
            **({"doi": doi} if doi else {}),
        }
        lines = "\n".join(
            f"  {name:<7} = {{{value}}}," for name, value in fields.items()
        )
        yield f"@article{{{_key(surname + found['year'], taken)},\n{lines}\n}}"


def _split(citation: str) -> tuple[str, str | None]:
    """Return a projection's citation without its notes, and its doi."""
    text = citation.removeprefix("opposite pathway: ")
    doi = _DOI.search(text)
    if doi is not None:
        return text[: doi.start()], doi[1]
    return _PART_NOTE.sub("", text), None


def _authors(text: str) -> str:
    """Return authors as BibTeX has them.

    Examples
    --------
    >>> _authors("Dum RP, Strick PL"), _authors("Borra E et al.")
    ('Dum, R. P. and Strick, P. L.', 'Borra, E. and others')
    """
    listed = []
    for name in text.removesuffix(" et al.").split(", "):
        surname, _, initials = name.rpartition(" ")
        listed.append(f"{surname}, {' '.join(f'{letter}.' for letter in initials)}")
    others = ["others"] if text.endswith(" et al.") else []
    return " and ".join([*listed, *others])


def _key(stem: str, taken: dict[str, int]) -> str:
    """Return a key that no other entry has: ``dum2005``, then ``dum2005a``."""
    number = taken.get(stem, 0)
    taken[stem] = number + 1
    if number:
        return stem + ascii_lowercase[number - 1]
    return f"{stem}p" if stem in _entries() else stem
