# SPDX-License-Identifier: Apache-2.0
"""Encoding and flow: what areas say of brain data, and of each other."""
