# SPDX-License-Identifier: Apache-2.0
"""Learning from all that was ever done, told under goals that were reached instead.

::

    exploration -> replay -> windows -> critics -> a better policy

Twin delayed deterministic policy gradients with hindsight live here: for networks
without recurrence, such as teachers. What a step would have been worth under another
goal, the task says (``tasks.hindsight``); which method a run learns by, ``run.method``
decides. Brain models learn by ``learning``, or from an agent that learned here.
"""
