# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimisation: collecting, advantages, losses, updates.

It knows an agent, worlds and ranks. Files, commands and which task it is may not be
known here.
"""
