# SPDX-License-Identifier: Apache-2.0
"""Recordings of a trained network, and what can be read from them.

What a trained agent did, what its areas tell apart and how sure that is live here.
Nothing that training needs may: no other room but those above imports this one.

::

    actors       who acts: an agent, one that is shown the wrong goals, a posture
    evaluation   seeded episodes, and how they went
    intervals    how sure their mean is
    conditions   the agent against its controls, on the same episodes
    posture      the best constant command, one of the controls
    recording    what every area did, written, read, replayed and as tables
    patterns     mean activity in every condition
    rdms         distances between conditions in every area, and as hypotheses say
    similarity   areas compared by their distances, and in a plane
    figures      pictures of all that
    study        the similarity and the pictures of a run's folder
"""
