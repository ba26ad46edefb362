# SPDX-License-Identifier: Apache-2.0
"""angora_train: recurrent PPO over MPI for models with named sensations.

::

    keras.Model -> Agent -> Trainer -> Checkpoint -> analysis
"""

import os

__version__ = "0.1.0"

# TensorFlow's own kernels multiply without AVX2 and FMA, and it takes oneDNN's only
# where a processor has AVX-512. On others an update takes half as long again without
# them. Read when TensorFlow is loaded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
