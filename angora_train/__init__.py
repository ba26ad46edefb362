# SPDX-License-Identifier: Apache-2.0
"""angora_train: recurrent PPO over MPI for models with named sensations.

::

    keras.Model -> Agent -> Trainer -> Checkpoint -> analysis

The public names are resolved when they are first used: ``import angora_train`` loads
neither Keras nor MuJoCo nor MPI.

Examples
--------
>>> import angora_train
>>> config = angora_train.load_config("reach", ["seed=1"])
>>> config.task.name, config.seed
('Reach', 1)
"""

import os

import lazy_loader

from atlasnet.moved import redirect

# TensorFlow's own kernels multiply without AVX2 and FMA, and it takes oneDNN's only
# where a processor has AVX-512. On others an update takes half as long again without
# them. Read when TensorFlow is loaded.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

redirect("angora_train")
