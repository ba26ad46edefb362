# SPDX-License-Identifier: Apache-2.0
"""The command ``angora-train``: options in, tables and files out.

Every command reads its options, calls public functions and prints. Nothing that a
Python user would miss may live here.
"""
