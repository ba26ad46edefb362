# SPDX-License-Identifier: Apache-2.0
"""Representational similarity: what areas tell apart, and by which models.

::

    conditions   what is compared: steps by goal, phase, contact or a user's labels
    patterns     mean activity of episodes in each condition, in folds
    distances    crossnobis distances, for each pair of folds
    rdms         those of every area, as rsatoolbox holds them
    models       the distances that hypotheses expect, and a user's own
    fitting      what each model adds to the others
    resampling   bootstraps and permutations, corrections for many tests
    estimates    fits with intervals, p and noise ceilings
    comparison   areas, models, subjects and controls, as one table
    movies       distances around an event
    alignment    debiased CKA and shape distances between areas and subjects
    similarity   areas compared by their distances, and in a plane
"""
