# SPDX-License-Identifier: Apache-2.0
"""What a user decides, as frozen typed data, from YAML and the command line.

Everything that decides the result of a run lives here. Nothing is made from it here.
"""

from atlasnet.moved import forward

__getattr__ = forward("angora_train.config.run", "angora_train.config.loading")
