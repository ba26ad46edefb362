# SPDX-License-Identifier: Apache-2.0
"""Recordings: what every area did while an agent acted, and what is made of that.

::

    schema        what a recording holds, and one area of it at a time
    record        an agent plays and is recorded, into memory
    reader        recordings opened lazily, or read into memory
    replay        recorded sensations fed to another network
    runs          the agent of a run's folder, trained or with its initial weights
    subject       a run or a recording as what analyses take
"""
