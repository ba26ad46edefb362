# SPDX-License-Identifier: Apache-2.0
"""A configuration and a cache for siibra, as small as it accepts them.

Two areas in both versions of Julich-Brain; their maps, a connectome of two subjects
(left hemisphere) and the six layers of one area. Addresses lead nowhere: siibra finds
what it would fetch in its cache, under the hash of the address. All numbers are
synthetic, small enough to be derived by hand; no file is a copy of the atlas's.
"""

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

__all__ = ["AREAS", "CELLS", "LAYERS", "SideBySide", "connectome", "forbid_sockets"]

HOST = "https://atlas.test"
_PARCELLATION = "minds/core/parcellationatlas/v1.0.0/test-"
_SPACE = "minds/core/referencespace/v1.0.0/test"
AREAS = {
    "2.9": ("Area 4p (PreCG)", "Area OP1 (POperc)"),
    "3.1": ("Area 4p (PreCG)", "Area Op1 (POperc)"),
}
CELLS = "# label layer x\n" + "".join(
    f"{i} {layer} 0\n" for i, layer in enumerate([1, 2, 2, 3, 4, 5, 6])
)
"""One cell in every layer, two in the second."""
LAYERS = "# Number Name Area(micron**2)\n" + "".join(
    f"{layer} Layer{layer} 1000.0\n" for layer in range(1, 7)
)


class SideBySide:
    """A folder with siibra's configuration and its cache.

    Parameters
    ----------
    folder : Path
        Where both are written.
    sc_url : str
        Address of the connectome of 2.9.
    connectomes : tuple of str
        Versions that have a connectome. That of 3.1 is synthetic through and through:
        the atlas's own configurations of its streamlines were not at hand, and those of
        2.9 lend their form. It has other numbers than that of 2.9, and its regions in
        the other order.
    """

    def __init__(
        self,
        folder: Path,
        sc_url: str = f"{HOST}/sc.zip",
        connectomes: tuple[str, ...] = ("2.9",),
    ) -> None:
        self.configuration = folder / "config"
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True)
        self.sc_url = sc_url
        self._write_atlas()
        for version in AREAS:
            self._write_version(version)
        for version in connectomes:
            self._write_connectome(version)
        self._write_layers()
        self.put(sc_url, connectome("5,10\n10,7\n", "3,40\n40,3\n"))
        self.put(f"{HOST}/sc-3.1.zip", connectome("9,30\n30,1\n", "3,60\n60,3\n"))
        self.put(f"{HOST}/M/v1.0/0316/0003/segments.txt", CELLS.encode())
        self.put(f"{HOST}/M/v1.0/0316/0003/layerinfo.txt", LAYERS.encode())

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead siibra here."""
        return {
            "SIIBRA_USE_CONFIGURATION": str(self.configuration),
            "SIIBRA_CACHEDIR": str(self.cache),
        }

    def cached(self, url: str) -> Path:
        """Return where siibra keeps what it got from an address."""
        return self.cache / hashlib.sha256(f"{url}{{}}".encode()).hexdigest()

    def put(self, url: str, content: bytes) -> None:
        """Let siibra believe that it has fetched something before."""
        self.cached(url).write_bytes(content)

    def write(self, name: str, spec: dict[str, Any]) -> None:
        """Write a file of the configuration."""
        path = self.configuration / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(spec))

    def _write_atlas(self) -> None:
        self.write(
            "atlases/human.json",
            {
                "@id": "juelich/iav/atlas/v1.0.0/1",
                "@type": "juelich/iav/atlas/v1.0.0",
                "name": "Multilevel Human Atlas",
                "species": "homo sapiens",
                "order": 1,
                "spaces": [_SPACE],
                "parcellations": [f"{_PARCELLATION}{v}" for v in AREAS],
            },
        )
        self.write(
            "spaces/mni.json",
            {
                "@id": _SPACE,
                "@type": "siibra/space/v0.0.1",
                "name": "MNI 152 ICBM 2009c Nonlinear Asymmetric",
                "shortName": "mni152",
                "modality": "mri",
                "species": "homo sapiens",
                "volumes": [],
            },
        )

    def _write_version(self, version: str) -> None:
        areas = [
            {
                "name": area,
                "children": [
                    {"name": f"{area} - {side} hemisphere"}
                    for side in ("left", "right")
                ],
            }
            for area in AREAS[version]
        ]
        lobe = {"name": "frontal lobe", "children": areas}
        cortex = {"name": "cerebral cortex", "children": [lobe]}
        self.write(
            f"parcellations/{version}.json",
            {
                "@id": f"{_PARCELLATION}{version}",
                "@type": "siibra/parcellation/v0.0.1",
                "name": f"Julich-Brain Cytoarchitectonic Atlas (v{version})",
                "shortName": f"Julich-Brain v{version}",
                "modality": "cytoarchitecture",
                "species": "homo sapiens",
                "@version": {"name": version},
                "regions": [{"name": "telencephalon", "children": [cortex]}],
            },
        )
        images = {
            f"{side} hemisphere": f"{HOST}/{version}/{side}.nii.gz"
            for side in ("left", "right")
        }
        indices = {
            f"{area} - {fragment}": [
                {"volume": 0, "label": i + 1, "fragment": fragment}
            ]
            for i, area in enumerate(AREAS[version])
            for fragment in images
        }
        self.write(
            f"maps/{version}.json",
            {
                "@id": f"siibra-map-test-{version}",
                "@type": "siibra/map/v0.0.1",
                "name": f"maps of {version}",
                "space": {"@id": _SPACE},
                "parcellation": {"@id": f"{_PARCELLATION}{version}"},
                "volumes": [
                    {"@type": "siibra/volume/v0.0.1", "providers": {"nii": images}}
                ],
                "indices": indices,
            },
        )
        # Label 1 has two voxels, label 2 has one; a voxel is 2 mm wide.
        labels = np.zeros((4, 4, 4), np.uint8)
        labels[0, 0, :2], labels[1, 1, 1] = 1, 2
        image = nibabel.Nifti1Image(labels, np.diag([2.0, 2.0, 2.0, 1.0]))
        for url in images.values():
            self.put(url, gzip.compress(image.to_bytes()))

    def _write_connectome(self, version: str) -> None:
        """Write the configuration of a version's streamlines, in the form of 2.9."""
        areas = AREAS[version] if version == "2.9" else reversed(AREAS[version])
        regions = [f"{area} left" for area in areas]
        for kind, file in (
            ("StreamlineCounts", "Counts"),
            ("StreamlineLengths", "Lengths"),
        ):
            self.write(
                f"features/connectivity/regional/{kind.lower()}/hcp-{version}.json",
                {
                    "@type": "siibra/feature/connectivitymatrix/v0.3",
                    "modality": kind,
                    "cohort": "HCP",
                    "species": "homo sapiens",
                    "parcellation": {"@id": f"{_PARCELLATION}{version}"},
                    "repository": {
                        "@type": "siibra/repository/zippedfile/v1.0.0",
                        "url": self.sc_url
                        if version == "2.9"
                        else f"{HOST}/sc-{version}.zip",
                    },
                    "decoder": {
                        "@type": "siibra/decoder/csv",
                        "delimiter": ",",
                        "engine": "python",
                        "header": None,
                        "index_col": False,
                    },
                    "files": {f"00{i}": f"00{i}/{file}.csv" for i in range(2)},
                    "files_indexed_by": "subject",
                    "regions": regions,
                },
            )

    def _write_layers(self) -> None:
        self.write(
            "features/tabular/layerstatistics/celldensity/4p.json",
            {
                "@type": "siibra/feature/fingerprint/celldensity/v0.1",
                "region": AREAS["3.1"][0],
                "species": "homo sapiens",
                "segmentfiles": [f"{HOST}/M/v1.0/0316/0003/segments.txt"],
                "layerfiles": [f"{HOST}/M/v1.0/0316/0003/layerinfo.txt"],
            },
        )


def connectome(counts: str, lengths: str) -> bytes:
    """Return an archive of two subjects, the second without a streamline between."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("000/Counts.csv", counts)
        file.writestr("001/Counts.csv", "5,0\n0,7\n")
        file.writestr("000/Lengths.csv", lengths)
        file.writestr("001/Lengths.csv", "3,0\n0,3\n")
    return archive.getvalue()


def forbid_sockets(folder: Path, further: str = "") -> dict[str, str]:
    """Return variables that keep a Python process off the network."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_):\n"
        "    raise OSError('tests do not use the network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n" + further
    )
    return {"PYTHONPATH": str(folder)}
