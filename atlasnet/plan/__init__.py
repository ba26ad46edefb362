# SPDX-License-Identifier: Apache-2.0
"""From region graph to plan: units, maps, pathways, what is connected to the body.

A plan is data and is made without Keras; interventions are data, too. Layers and
weights, and the tables of the atlas, may not be known here.
"""
