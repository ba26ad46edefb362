# SPDX-License-Identifier: Apache-2.0
"""The tables of a snapshot: columns, sources and licences."""

import csv
import datetime
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "MANIFEST",
    "SNAPSHOT_VERSION",
    "TABLES",
    "Table",
    "note_licence",
    "render_manifest",
    "render_table",
    "row_of",
]

SNAPSHOT_VERSION = 1
MANIFEST = "manifest.json"

_JULICH = (
    "Julich-Brain: Amunts K, Mohlberg H, Bludau S, Zilles K (2020) Julich-Brain: a 3D "
    "probabilistic atlas of the human brain's cytoarchitecture, Science 369:988-992, "
    "doi:10.1126/science.abb4588. Version 3.1: EBRAINS DatasetVersion "
    "f1fe19e8-99bd-44bc-9616-a52850680777."
)
_ECONOMO = (
    "von Economo C, Koskinas GN (1925) Die Cytoarchitektonik der Hirnrinde des "
    "erwachsenen Menschen. Springer, Berlin."
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the snapshot."""

    name: str
    title: str
    source: str
    licence: str
    provenance: str
    columns: tuple[tuple[str, str], ...]
    """Names and meanings of the columns, in order."""

    is_optional: bool = False
    """Whether a snapshot without this table is still one."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(name for name, _ in self.columns)


TABLES = (
    Table(
        name="regions.csv",
        title="Every mapped region of Julich-Brain: the union of the 294 of version "
        "2.9 and the 414 of 3.1.",
        source="Julich-Brain 2.9 and 3.1 through siibra; overlap with the von Economo "
        "map of Scholtens et al. 2018",
        licence="CC BY-NC-SA 4.0 for volume_mm3, x_mm, y_mm, z_mm and the overlap "
        "columns; names, ids and hierarchy are facts",
        provenance=_JULICH
        + "\n\nNames, ids and paths: siibra 1.0.1a25 with siibra-configurations "
        "7e3999e272562a619bad2d52ed99c56afe24a2ea.\n\nVolumes and centroids: voxel "
        "counts and means of the maximum probability map of 3.1 at 1 mm, CC BY-NC-SA "
        "4.0.\n\nOverlap: mid-surface area of the region that falls on each area of "
        "the von Economo map (nilearn's fsaverage5, five depths). Map: Scholtens LH, "
        "de Reus MA, de Lange SC, Schmidt R, van den Heuvel MP (2018) An MRI Von "
        "Economo-Koskinas atlas, NeuroImage 170:249-256, "
        "doi:10.1016/j.neuroimage.2016.12.069, CC BY-NC-SA 4.0.",
        columns=(
            ("name", "name of 2.9, or of 3.1 where the connectome lacks the region"),
            ("hemisphere", "`left` or `right`"),
            ("julich_2_9", "name in Julich-Brain 2.9"),
            ("julich_3_1", "name in Julich-Brain 3.1"),
            ("siibra_id_2_9", "siibra's id in 2.9"),
            ("siibra_id_3_1", "siibra's id in 3.1"),
            (
                "hierarchy",
                "path in the atlas down to the region's parent, 3.1 if there",
            ),
            ("system", "part of the brain, by the hierarchy"),
            ("is_isocortex", "`true` or `false`, by the hierarchy"),
            ("volume_mm3", "volume in mm3, of 3.1"),
            ("x_mm", "centroid in MNI152, in mm, left to right"),
            ("y_mm", "centroid in MNI152, in mm, back to front"),
            ("z_mm", "centroid in MNI152, in mm, down to up"),
            ("overlap_density_per_mm3", "cells per mm3 by surface overlap"),
            ("overlap_thickness_mm", "cortical thickness in mm by surface overlap"),
            ("overlap_areas", "von Economo areas and their shares of the surface"),
            ("overlap_use", "`used`, `outside isocortex` (left out) or `none`"),
            ("connectome_row", "row of the region in the connectome, from 0"),
        ),
    ),
    Table(
        name="connections.csv",
        title="Streamlines between the regions of Julich-Brain 2.9, mean of 200 "
        "subjects: pairs with i <= j, without direction. A pair that is not listed has "
        "no streamline.",
        source="doi:10.25493/NVS8-XS5 (Domhof et al. 2022), 20 % trimmed mean over the "
        "subjects",
        licence="CC BY 4.0",
        provenance="Domhof JWM, Jung K, Eickhoff SB, Popovych OV (2022) "
        "Parcellation-based structural and resting-state functional brain connectomes "
        "of a healthy cohort (v1.1) [Data set]. EBRAINS. doi:10.25493/NVS8-XS5. Paper: "
        "Network Neuroscience 5:798-830, doi:10.1162/netn_a_00202. Changes: trimmed "
        "mean over subjects (lowest and highest 20 % dropped in each cell), upper "
        "triangle, a length of 0 turned into a missing value.\n\nData were provided in "
        "part by the Human Connectome Project, WU-Minn Consortium (Principal "
        "Investigators: David Van Essen and Kamil Ugurbil; 1U54MH091657), under the "
        "HCP Open Access Data Use Terms.",
        columns=(
            ("i", "`connectome_row` of one region"),
            ("j", "`connectome_row` of the other, i <= j; i = j is within a region"),
            ("streamline_count", "streamlines, not normalised by size"),
            ("length_mm", "mean length of the streamlines in mm"),
        ),
    ),
    Table(
        name="economo_areas.csv",
        title="Cortical areas of von Economo and Koskinas (1925).",
        source="von Economo & Koskinas 1925; cortical types after Garcia-Cabezas et "
        "al. 2020",
        licence="facts of the literature; cite the sources",
        provenance=_ECONOMO + " English: Triarhou LC (2009) Cellular Structure of the "
        "Human Cerebral Cortex, Karger. Density: mean over the layers weighted by "
        "thickness, as digitised for Pronold J, van Meegen A, et al. (2024) "
        "Multi-scale spiking network model of human cerebral cortex, Cereb Cortex "
        "34:bhae409.\n\nCortical types: Garcia-Cabezas MA, Hacker JL, Zikopoulos B "
        "(2020) Front Neuroanat 14:576015, tables 4-7 (KO koniocortex, EU eulaminate, "
        "DG dysgranular, AG agranular, ALO allocortex).",
        columns=(
            ("symbol", "von Economo's symbol in ASCII"),
            ("name", "name of the area"),
            ("cell_density_per_mm3", "nerve cells per mm3"),
            ("thickness_mm", "cortical thickness in mm"),
            ("cortical_type", "cortical type"),
        ),
    ),
    Table(
        name="economo_layers.csv",
        title="Layers of von Economo's areas; some were not counted.",
        source="von Economo & Koskinas 1925",
        licence="facts of the literature; cite the sources",
        provenance="See `economo_areas.csv`. Sublayers are merged into their layer: "
        "cell contents are those of the digitised table, the mean over the sublayers "
        "of a counted layer. A layer whose cells were not counted is left out.",
        columns=(
            ("symbol", "`symbol` in `economo_areas.csv`"),
            ("layer", "`I` to `VI`"),
            ("cell_density_per_mm3", "nerve cells per mm3"),
            ("share", "share of the thickness of the counted layers"),
        ),
        is_optional=True,
    ),
    Table(
        name="measured_layers.csv",
        title="Layers that siibra has measured; empty unless recorded from siibra.",
        source="siibra, feature LayerwiseCellDensity",
        licence="as siibra states for the dataset of each region (CC BY-NC-SA 4.0)",
        provenance="Cells detected in the BigBrain (Upschulte et al. 2022, Med Image "
        "Anal 77:102371) per layer and patch, through siibra. siibra's densities are "
        "per (0.1 mm)^3 and are multiplied by 1,000 here. Mean over the patches of a "
        "region.",
        columns=(
            ("region", "`name` in `regions.csv`"),
            ("layer", "`I` to `VI`"),
            ("cell_density_per_mm3", "cells per mm3, mean over patches"),
            ("share", "share of the measured area, in place of the depth"),
        ),
        is_optional=True,
    ),
    Table(
        name="homologues.csv",
        title="Von Economo homologue of each region that is a node of the hand network "
        "or a part of one.",
        source="hand_network_regions.csv, one row per part",
        licence="facts of the literature; cite the sources",
        provenance="See `hand_network_regions.csv`.",
        columns=(
            ("region", "`name` in `regions.csv`"),
            ("node", "node of the hand network"),
            ("economo", "symbols in `economo_areas.csv`; the density is their mean"),
            ("is_whole_node", "`true` if it alone is the node's parcel in 2.9"),
        ),
    ),
    Table(
        name="hand_network_regions.csv",
        title="The 35 nodes of the frontoparietal hand network in both hemispheres.",
        source="own compilation from the literature and the tables above",
        licence="CC BY-NC-SA 4.0 for volume_mm3, cell_count, x_mm, y_mm, z_mm (they "
        "derive from Julich-Brain 3.1); the rest are facts",
        provenance="Choice of nodes and homologues after the reviews of Grafton 2010 "
        "(Exp Brain Res 204:475), Turella & Lingnau 2014 (Front Hum Neurosci 8:686), "
        "Galletti & Fattori 2018 (Cortex 98:203), Borra et al. 2017 (Neurosci Biobehav "
        "Rev 75:65), Borra & Luppino 2019 (Cortex 118:19). PMv has no parcel of its "
        "own in 2.9: its connections are those of Frontal-II (GapMap), its volume is "
        "6v1 + 6v2 + 6v3 of 3.1; dlPFC likewise is Frontal-I (GapMap) and MFG1, 2, 4 "
        "and 5.",
        columns=(
            ("node", "name of the node"),
            ("hemisphere", "`left` or `right`"),
            ("role", "what it does"),
            ("julich_2_9", "regions whose connections are the node's, joined by `;`"),
            ("julich_3_1", "regions whose volumes are the node's, joined by `;`"),
            ("economo", "von Economo homologues, joined by `+`"),
            ("cell_density_per_mm3", "mean density of the homologues, cells per mm3"),
            ("thickness_mm", "mean thickness of the homologues in mm"),
            ("volume_mm3", "sum of the volumes in mm3"),
            ("cell_count", "density times volume"),
            ("x_mm", "centroid in MNI152, in mm"),
            ("y_mm", "centroid in MNI152, in mm"),
            ("z_mm", "centroid in MNI152, in mm"),
            ("cortical_type", "cortical types of the homologues"),
        ),
    ),
    Table(
        name="hand_network_pathways.csv",
        title="Directed pathways between the nodes as the literature has them.",
        source="own reading of the cited papers; CoCoMac; counted cells of "
        "Froudist-Walsh et al. 2021 and Markov et al. 2014",
        licence="citation, class and support are facts; FLN and SLN figures in notes "
        "are CC BY-NC 4.0 (marked in note_licence)",
        provenance="Statements are in own words. FLN and SLN are computed from the "
        "counted cells released with Froudist-Walsh S et al. (2021) Neuron 109:3500, "
        "doi:10.1016/j.neuron.2021.08.024 (CC BY-NC 4.0), visual rows also Markov NT "
        "et al. (2014) J Comp Neurol 522:225, doi:10.1002/cne.23458. CoCoMac patterns "
        "as tabulated for Schmidt et al. 2018, doi:10.1007/s00429-017-1554-4.",
        columns=(
            ("source", "node where the pathway starts"),
            ("target", "node where it ends"),
            (
                "direction",
                "order of processing: feedforward is towards motor output; may be "
                "empty where `support` is `weak` or `denied`",
            ),
            ("evidence", "kind of evidence"),
            ("species", "species studied"),
            ("citation", "citation"),
            ("doi", "doi of the citation"),
            (
                "support",
                "`verified` (statement read), `cited`, `doubtful`, or evidence against "
                "the pathway: `weak`, `denied`",
            ),
            ("note", "what was read"),
            ("note_licence", "licence of the note"),
        ),
    ),
    Table(
        name="macaque_homologues.csv",
        title="Which nodes of the hand network stand for a cortical area of the "
        "macaque. Rows about macaques in the other tables use it, one way.",
        source="the publications in `source`; where it says so, a choice of this table",
        licence="facts of the literature; cite the sources",
        provenance="One table for all rows, so that an area is the same node "
        "everywhere. Where no source decides, a choice was made and is called so.",
        columns=(
            ("area", "name of the area in macaques"),
            ("node", "nodes that stand for it, joined by `;`; empty if none does"),
            ("source", "citation, or `choice of this table`"),
            ("doi", "doi of the citation"),
            ("note", "what else is to be known"),
        ),
        is_optional=True,
    ),
    Table(
        name="tracer_fractions.csv",
        title="Cells counted after retrograde tracers in macaques, among the "
        "homologues of the nodes: every pair of an injected area and another, zeros "
        "included.",
        source="counted cells released with Froudist-Walsh et al. 2021; injections of "
        "Markov et al. 2014 and of Froudist-Walsh et al. 2021",
        licence="CC BY-NC 4.0",
        provenance="Computed from the cell counts that Froudist-Walsh S et al. (2021) "
        "Neuron 109:3500, doi:10.1016/j.neuron.2021.08.024, release in the repository "
        "seanfw/macaque_hierarchy (commit 3602a6b, CC BY-NC 4.0), as its code does: "
        "mean over the injections of an area, share of all labelled cells outside it. "
        "29 of the injected areas are those of Markov NT et al. (2014) Cereb Cortex "
        "24:17, doi:10.1093/cercor/bhs270. Most areas were injected in one animal.",
        columns=(
            ("source_area", "`area` in `macaque_homologues.csv` with the cells"),
            ("target_area", "`area` that was injected"),
            ("source", "nodes that stand for the area of the cells, joined by `;`"),
            ("target", "nodes that stand for the injected area, joined by `;`"),
            ("fln", "fraction of labelled cells outside the injected area"),
            ("sln", "fraction of these cells in upper layers; empty without cells"),
            ("n_cells", "cells counted, over all injections of the area"),
            ("publication", "publication that reports the injection"),
            ("doi", "doi of the publication"),
        ),
        is_optional=True,
    ),
    Table(
        name="version_overlap.csv",
        title="How far the nodes are the same place in Julich-Brain 2.9, whose "
        "connections are used, and in 3.1, whose volumes are.",
        source="maximum probability maps of Julich-Brain 2.9 and 3.1, MNI152 at 1 mm",
        licence="CC BY-NC-SA 4.0",
        provenance="3.1: the map of EBRAINS DatasetVersion "
        "f1fe19e8-99bd-44bc-9616-a52850680777. 2.9: the winner of the probability maps "
        "(EBRAINS ab191c17-8cd8-4622-aaac-eee11b2fa670) at each voxel, GapMaps "
        "included and without a least probability, as meshed region by region in "
        "ggsegverse/ggsegJulich (commit c51f122); the meshes' faces lie between "
        "voxels, so that they could be filled again. They have no origin of their own: "
        "of all shifts by whole voxels that was taken under which regions of one name "
        "agree best. It is not the map that EBRAINS publishes, which is cut to the "
        "cortex: compared are voxels that 3.1 has a region for. Counted by "
        "atlasnet.atlas.versions.count_overlaps.",
        columns=(
            ("node", "node of the hand network"),
            ("hemisphere", "`left` or `right`"),
            ("n_voxels", "voxels of 1 mm3 of its regions in 3.1"),
            ("new_in_old", "share of these that its regions of 2.9 win"),
            (
                "old_in_new",
                "share of the voxels of its regions of 2.9 that are its in 3.1, of "
                "those that have a region in 3.1",
            ),
            ("other", "region of 2.9, not the node's, that wins most of the rest"),
            ("other_share", "share of the node's voxels that this region wins"),
        ),
        is_optional=True,
    ),
)
"""All tables of a snapshot."""


def render_table(table: Table, rows: Iterable[Mapping[str, object]]) -> str:
    """Return a table as CSV text; missing values are empty fields."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table.column_names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row_of(table: str, known: Mapping[str, object]) -> Mapping[str, object]:
    """Return the row of a table, by its name, out of all that is known of a thing."""
    columns = next(each.column_names for each in TABLES if each.name == table)
    return {column: known[column] for column in columns}


def render_manifest(
    texts: Mapping[str, str],
    atlas: Mapping[str, str],
    date: datetime.date,
    recorded_from: Mapping[str, object] | None = None,
) -> str:
    """Return the manifest of a snapshot.

    Parameters
    ----------
    texts : mapping of str to str
        Text of every table by its name.
    atlas : mapping of str to str
        ``name``, ``connections``, ``volumes`` (versions) and ``space``.
    date : datetime.date
        When the snapshot was made.
    recorded_from : mapping of str to JSON value, optional
        What the source that was recorded says of itself.

    Returns
    -------
    str
        JSON, with a checksum per table.
    """
    data: dict[str, object] = {
        "schema_version": SNAPSHOT_VERSION,
        "date": date.isoformat(),
        "atlas": dict(atlas),
    }
    if recorded_from is not None:
        data["recorded_from"] = dict(recorded_from)
    data["files"] = {
        table.name: {
            "sha256": hashlib.sha256(texts[table.name].encode()).hexdigest(),
            "rows": len(list(csv.reader(io.StringIO(texts[table.name])))) - 1,
            "source": table.source,
            "licence": table.licence,
        }
        for table in TABLES
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def note_licence(note: str) -> str:
    """Return the licence of what was read about a pathway.

    Examples
    --------
    >>> note_licence("Counted cells read: V1->MT FLN 0.0193 SLN 0.89.")
    'CC BY-NC 4.0'
    """
    return "CC BY-NC 4.0" if re.search(r"\b(FLN|SLN)\b", note) else "facts"
