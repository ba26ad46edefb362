# SPDX-License-Identifier: Apache-2.0
"""Draw all tasks on one sheet, ``docs/tasks.png``: ``python docs/draw_tasks.py``."""

from pathlib import Path

import numpy as np

from angora_train.analysis.pictures import contact_sheet, write_picture
from angora_train.tasks import make_vector_task, task_names
from angora_train.tasks.worlds.rendering import Style

N_STEPS = 6
N_COLUMNS = 5
N_COLOURS = 256
STYLE = Style(height_px=260, width_px=320, n_samples=4)


def main() -> None:
    """Write the sheet beside this file."""
    pictures = {name: picture(name) for name in task_names()}
    sheet = contact_sheet(pictures, N_COLUMNS)
    write_picture(sheet, Path(__file__).with_name("tasks.png"), N_COLOURS)


def picture(name: str) -> np.ndarray:
    """Draw a task a few random steps after its start."""
    task = make_vector_task(name)
    task.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(N_STEPS):
        shape = task.action_space.shape or ()
        task.step(rng.uniform(-0.6, 0.6, shape).astype(np.float32))
    frame = task.picture(style=STYLE)
    task.close()
    return frame


if __name__ == "__main__":
    main()
