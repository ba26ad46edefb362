# SPDX-License-Identifier: Apache-2.0
"""Recordings: what every area did while an agent acted, and what is made of that.

::

    schema        what a recording holds, and one area of it at a time
    layout        coordinates, units and attributes, wherever it is kept
    writer        recordings written in blocks, whole or not at all
    reader        recordings opened lazily, or read into memory
    record        an agent plays and is recorded, into memory or a file
    replay        recorded sensations fed to another network
    runs          the agent of a run's folder, trained or with its initial weights
    subject       a run or a recording as what analyses take
    perturbation  a goal switch or a force pulse in words
    tables        one area or variable for pandas, one area for rsatoolbox
"""
