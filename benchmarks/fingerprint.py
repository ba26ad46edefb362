# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of short runs: whether a change of the code changes a number.

``python benchmarks/fingerprint.py --out FILE.json [--against FILE.json]``

Each preset that ships is trained for two cycles of 32 control steps in 8 worlds and
plays two seeded episodes. What is kept is a digest of the weights, of the metrics that
are no times, and of the evaluation. Two trees of one machine that agree compute the
same numbers, bit for bit; two machines need not.

Only the commands are used, and numbers in the files that they write: so trees of
different layout can be compared. Run it once in each.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
SHORT = (
    "n_worlds=8",
    "n_cycles=2",
    "save_every=2",
    "ppo.horizon=32",
    "ppo.chunk_length=16",
    "ppo.minibatch_size=128",
    "seed=3",
)
PRETRAINING = ("n_images=64", "n_held_out=16", "n_epochs=1", "batch_size=16")


def compare() -> int:
    """Make the fingerprints, and compare them if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--against", type=Path, help="fingerprints of another tree")
    parser.add_argument("--presets", nargs="*", help="only these")
    options = parser.parse_args()
    presets = options.presets or sorted(
        path.stem for path in (ROOT / "angora_train" / "presets").glob("*.yaml")
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for preset in presets:
            found[preset] = fingerprint(preset, Path(folder))
            print(preset, *found[preset].values())
    options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if options.against is None:
        return 0
    others = json.loads(options.against.read_text(encoding="utf-8"))
    changed = [name for name in found if found[name] != others.get(name)]
    print("all equal" if not changed else f"changed: {', '.join(changed)}")
    return int(bool(changed))


def fingerprint(preset: str, folder: Path) -> dict[str, str]:
    """Train and evaluate one preset; return the digests of what came out."""
    directory = folder / preset
    settings = [*SHORT, f"directory={directory}"]
    if "streams" in (yaml.safe_load(_preset(preset).read_text())["network"]):
        pose = folder / "pose"
        _angora("pretrain", "--out", str(pose), *_set(PRETRAINING))
        settings.append(f"network.streams.vision.path={pose / 'pose.keras'}")
    _angora("run", preset, *_set(settings))
    lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    metrics = [_timeless(json.loads(line)) for line in lines]
    checkpoints = directory / "checkpoints"
    last = checkpoints / (checkpoints / "last").read_text(encoding="utf-8").strip()
    played = _angora(
        *("evaluate", str(directory), "--which", "last", "--episodes", "2", "--json"),
        *("--seed", "7"),
    )
    return {
        "weights": _digest_of_weights(last / "model.keras"),
        "metrics": _digest(json.dumps(metrics, sort_keys=True)),
        "evaluation": _digest(played[played.index("{") :].strip()),
    }


def _preset(name: str) -> Path:
    return ROOT / "angora_train" / "presets" / f"{name}.yaml"


def _set(changes: Iterable[str]) -> list[str]:
    """Return changes as options of the command line."""
    return [word for change in changes for word in ("--set", change)]


def _angora(*words: str) -> str:
    """Run a command of this tree."""
    code = "from angora_train.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def _timeless(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics that are no times."""
    return {name: x for name, x in metrics.items() if not name.startswith("time/")}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digest_of_weights(path: Path) -> str:
    """Return a digest of all arrays of a model, whatever its layers are called."""
    arrays: list[bytes] = []

    def keep(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays.append(np.asarray(item).tobytes())

    with (
        zipfile.ZipFile(path) as archive,
        archive.open("model.weights.h5") as stored,
        h5py.File(stored, "r") as file,
    ):
        file.visititems(keep)
    return hashlib.sha256(b"".join(sorted(arrays))).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(compare())
