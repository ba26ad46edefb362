# SPDX-License-Identifier: Apache-2.0
"""Pretraining of vision: where the cube is, and how it is turned, from pictures.

::

    settings -> pictures on disk -> network -> error on held-out pictures

The network is an ordinary Keras model; what it has learned is taken over into the
network of a run by name.
"""
