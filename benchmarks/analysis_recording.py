# SPDX-License-Identifier: Apache-2.0
"""Recordings: what they cost while an agent plays, and how much memory they take.

Figures
-------
recording_overhead
    Processor time of 100 episodes of reaching with recording over that without, less
    one: the whole file, opened, compressed and closed. `fpn` of the preset ``reach``
    with initial weights; the median over rounds in which the two take turns.
recording_gb
    Most memory of a process of its own that writes a recording of 20 GB, synthetic and
    mostly zeros, block by block, opens it and reads one area of 25.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from figures import Figures, figure

from angora_train.analysis.actors import AgentActor
from angora_train.analysis.evaluation import episodes
from angora_train.analysis.recording.layout import Layout
from angora_train.analysis.recording.reader import open_recording
from angora_train.analysis.recording.record import area_layers, record_to
from angora_train.analysis.recording.schema import area_activity
from angora_train.analysis.recording.writer import blocks_of, writing
from angora_train.config.loading import load_config
from angora_train.run.preparation import prepare

N_PLAYED = 100
N_AREAS, N_UNITS = 25, 500


def recording_figures(n_rounds: int, n_gb: float) -> Figures:
    """Measure what recordings cost.

    Parameters
    ----------
    n_rounds : int
        Turns of playing with and without.
    n_gb : float
        Size of the synthetic recording, GB.

    Returns
    -------
    mapping of str to mapping
        Figures by name.
    """
    code = f"import analysis_recording as a; a.most_memory({n_gb})"
    printed = subprocess.run(  # its memory is its own
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {
        "recording_overhead": figure(recording_overhead(n_rounds), "1"),
        "recording_gb": figure(json.loads(printed.splitlines()[-1]), "GB"),
    }


def recording_overhead(n_rounds: int) -> float:
    """Return the processor time of recording, as a share of that of playing.

    Parameters
    ----------
    n_rounds : int
        Turns; the first of each is not counted.

    Returns
    -------
    float
        The median share.
    """
    ready = prepare(load_config("reach"), range(N_PLAYED))
    plain, probed = ready.agent(), ready.agent(probes=area_layers(ready.model))
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.nc"
        for _ in range(n_rounds + 1):
            begin = time.process_time()
            for _ in episodes(AgentActor(plain), ready.task, 1):
                pass
            played = time.process_time()
            record_to(path, probed, [ready.task], 1, n_episodes=N_PLAYED)
            ended = time.process_time()
            shares.append((ended - played) / (played - begin) - 1.0)
    ready.task.close()
    return median(shares[1:])


def most_memory(n_gb: float) -> None:
    """Write, open and read a recording, and print the most memory of the process, GB.

    Parameters
    ----------
    n_gb : float
        Size of the recording, GB.
    """
    import resource

    n_episodes = 200
    n_times = round(n_gb * 1e9 / (4 * n_episodes * N_AREAS * N_UNITS))
    layout = Layout({f"area {i}": N_UNITS for i in range(N_AREAS)}, 0.02)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.nc"
        with writing(path, n_episodes) as writer:
            for first, block in blocks_of(_rows(n_episodes, n_times)):
                writer.write(layout, slice(0, n_episodes), first, block)
            facts = {
                "goal_kind": np.zeros(n_episodes, np.int64),
                "n_steps": np.full(n_episodes, n_times),
            }
            writer.write_episodes(slice(0, n_episodes), facts)
        with open_recording(path) as recording:
            found = area_activity(recording, "area 0")
    if not (found[:, :, 0] == np.arange(n_times)).all():
        raise SystemExit("What was read is not what was written.")
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def _rows(n_episodes: int, n_times: int) -> Iterator[dict[str, Any]]:
    """Yield control steps: the first unit counts them, one in fifty is active."""
    for step in range(n_times):
        activity = np.zeros((n_episodes, N_AREAS * N_UNITS), np.float32)
        activity[:, ::50] = 1.5
        activity[:, 0] = step
        yield {"activity": activity, "reward": np.full(n_episodes, step, np.float32)}
