# SPDX-License-Identifier: Apache-2.0
"""From atlas sources to a region graph.

Which regions, edges, directions and densities make a graph is decided here. What a
source is lives in ``sources``; what is built of the graph may not be known here.
"""
