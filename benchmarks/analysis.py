# SPDX-License-Identifier: Apache-2.0
"""Analysis: what recordings and their analysis take, find, and find where nothing is.

``python benchmarks/analysis.py [--quick] [--json] [--only NAME ...]``

The figures stand in `analysis_recording.py`, `analysis_rsa.py`,
`analysis_decoding.py` and `analysis_lesions.py`, beside how they are measured.
"""

from collections.abc import Callable

from analysis_decoding import decoding_figures
from analysis_lesions import lesion_figures
from analysis_recording import recording_figures
from analysis_rsa import rsa_figures
from figures import Figures, make_parser, present


def main() -> None:
    """Measure and print."""
    parser = make_parser("Analysis of recordings.", "fewer data sets, areas and rounds")
    names = ("recording", "rsa", "decoding", "lesions")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    quick = options.quick
    n_sets = 20 if quick else 200
    parts: dict[str, Callable[[], Figures]] = {
        "recording": lambda: recording_figures(*((2, 2.0) if quick else (9, 20.0))),
        "rsa": lambda: rsa_figures(n_sets),
        "decoding": lambda: decoding_figures(n_sets, 3 if quick else 35),
        "lesions": lambda: lesion_figures(quick=quick),
    }
    figures: dict[str, object] = {}
    for name in options.only:
        figures |= parts[name]()
    present(figures, as_json=options.json)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
