# SPDX-License-Identifier: Apache-2.0
"""Geometry: how the activity of areas lies in its space, and how it moves there.

Each module estimates one number of an area from its activity; `study` measures all
areas of subjects and of their controls. What is read comes from recordings; nobody
acts here. Only fixed points need the network itself.
"""
