# SPDX-License-Identifier: Apache-2.0
import platform
import subprocess
import sys

import pytest

# Allocates and frees 160 MB in pieces of 16 MB, twice; prints the pages of the second.
PROGRAM = """
import resource, sys
import numpy as np
if sys.argv[1] == "keep":
    from angora_train.engine.memory import keep_memory
    keep_memory()
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    kept = [np.ones(1 << 22, np.float32) for _ in range(10)]
    del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages()
print(pages())
"""


@pytest.mark.slow  # imports Keras
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_memory_that_was_freed_is_not_fetched_again() -> None:
    fetched = {
        how: int(
            subprocess.run(
                [sys.executable, "-c", PROGRAM, how],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for how in ("keep", "give back")
    }
    assert fetched["keep"] < 0.1 * fetched["give back"]
