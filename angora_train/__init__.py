# SPDX-License-Identifier: Apache-2.0
"""angora_train: recurrent PPO over MPI for models with named sensations.

::

    keras.Model -> Agent -> Trainer -> Checkpoint -> analysis
"""

__version__ = "0.1.0"
