# SPDX-License-Identifier: Apache-2.0
"""From plan to ``keras.Model``, and from model to model.

Building, saving, lesioning, freezing and counting live here, on whole networks. How an
area computes belongs to ``layers``.
"""
