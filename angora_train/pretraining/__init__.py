# SPDX-License-Identifier: Apache-2.0
"""Pretraining of vision: where the cube is, and how it is turned, from pictures.

::

    settings -> pictures on disk -> network -> error on held-out pictures

Supervised learning from pictures lives here. The network is an ordinary Keras model;
how a run takes over what it has learned, by name, is decided in ``networks``.
"""
