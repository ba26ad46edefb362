# SPDX-License-Identifier: Apache-2.0
"""Lesioning: what a network does without some of its areas, units or pathways.

::

    sets         groups of areas, and random areas of their size
    conditions   all that can be done to a network, and what stands beside it
    worlds       the same episodes for several lesioned networks at once
    notebook     episodes that were played, kept in a file as a sweep goes on
    sweep        plays conditions, and goes on where it stopped
    effects      what each condition changes, and who needs what
    groups       what groups of areas take from success

What can be done to a network is atlasnet's, :mod:`atlasnet.plan.interventions`; here it
is compared. Nobody is trained again.
"""
