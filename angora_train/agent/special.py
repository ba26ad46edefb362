# SPDX-License-Identifier: Apache-2.0
"""Special functions that `keras.ops` lacks, in `keras.ops`.

Large terms that cancel where these functions are added up are left out of them: what
remains is computed to float32's resolution for arguments of one to a million. Both
shift the argument up by four and use Stirling's series there, whose truncation is below
1e-8, less than float32 resolves.
"""

from typing import Any

from keras import ops

__all__ = ["HALF_LOG_2_PI", "digamma", "digamma_rest", "log_gamma", "log_gamma_rest"]

HALF_LOG_2_PI = 0.9189385332046727
_SHIFT = 4


def log_gamma_rest(x: Any) -> Any:
    """Return what Stirling's formula lacks of the logarithm of the gamma function.

    Parameters
    ----------
    x : tensor of float32, any shape
        Positive numbers.

    Returns
    -------
    tensor of float32
        ``ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi) / 2``, same shape.

    References
    ----------
    NIST Digital Library of Mathematical Functions, eq. 5.11.1.
    https://dlmf.nist.gov/5.11
    """
    z = x + float(_SHIFT)
    inverse = 1.0 / z
    square = inverse * inverse
    rest = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260)))
    rest = rest + (x - 0.5) * ops.log1p(_SHIFT / x) - float(_SHIFT)
    for k in range(_SHIFT):  # ln z - ln(x + k)
        rest = rest - ops.log1p((k - _SHIFT) * inverse)
    return rest


def log_gamma(x: Any) -> Any:
    """Return the logarithm of the gamma function of positive numbers."""
    return (x - 0.5) * ops.log(x) - x + HALF_LOG_2_PI + log_gamma_rest(x)


def digamma_rest(x: Any) -> Any:
    """Return what the logarithm lacks of the derivative of `log_gamma`.

    Parameters
    ----------
    x : tensor of float32, any shape
        Positive numbers.

    Returns
    -------
    tensor of float32
        ``d ln Gamma(x) / dx - ln x``, same shape.

    References
    ----------
    NIST Digital Library of Mathematical Functions, eq. 5.11.2.
    https://dlmf.nist.gov/5.11
    """
    inverse = 1.0 / (x + float(_SHIFT))
    square = inverse * inverse
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252)))
    rest = ops.log1p(_SHIFT / x) - 0.5 * inverse - series
    for k in range(_SHIFT):
        rest = rest - 1.0 / (x + float(k))
    return rest


def digamma(x: Any) -> Any:
    """Return the derivative of `log_gamma` of positive numbers."""
    return ops.log(x) + digamma_rest(x)
