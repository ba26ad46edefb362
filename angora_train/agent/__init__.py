# SPDX-License-Identifier: Apache-2.0
"""The agent: a model, its action distribution, its normalised sensations.

Acting one step in many worlds lives here, and what that needs of a Keras model. How
it learns, and on which task, may not.
"""

from atlasnet.moved import forward

__getattr__ = forward("angora_train.agent.agent")
