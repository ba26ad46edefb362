# SPDX-License-Identifier: Apache-2.0
"""Which network a run trains: by a file, an architecture or the atlas.

Plain networks and the way from a config to a ``keras.Model`` live here. Areas and
their layers belong to ``atlasnet``.
"""
