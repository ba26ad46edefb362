# SPDX-License-Identifier: Apache-2.0
"""Where the numbers come from: shipped tables, siibra, files of a user's own.

Each gives the one protocol of ``atlasnet.atlas.source``. How regions become a graph
may not be decided here.
"""
