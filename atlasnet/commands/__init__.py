# SPDX-License-Identifier: Apache-2.0
"""Commands of ``atlasnet`` about the atlas and its graphs, one module a subject."""
