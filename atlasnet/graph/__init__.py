# SPDX-License-Identifier: Apache-2.0
"""The region graph: what the atlas says, as data.

Regions, projections, their directions and nulls, and files of other programs live
here. What is to be built from it, and where its numbers come from, may not.
"""

from atlasnet.moved import forward

__getattr__ = forward("atlasnet.graph.graph")
