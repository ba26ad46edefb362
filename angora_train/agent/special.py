# SPDX-License-Identifier: Apache-2.0
"""Special functions that `keras.ops` lacks, in `keras.ops`.

Both shift the argument up by four and use Stirling's series there; for arguments of
at least one the truncation is below 1e-8, less than float32 resolves.
"""

from typing import Any

from keras import ops

__all__ = ["digamma", "log_beta", "log_gamma"]

_HALF_LOG_2_PI = 0.9189385332046727
_SHIFT = 4


def log_gamma(x: Any) -> Any:
    """Return the logarithm of the gamma function.

    Parameters
    ----------
    x : tensor of float32, any shape
        Positive numbers.

    Returns
    -------
    tensor of float32
        ``ln Gamma(x)``, same shape.

    References
    ----------
    NIST Digital Library of Mathematical Functions, eq. 5.11.1.
    https://dlmf.nist.gov/5.11
    """
    z = x + float(_SHIFT)
    product = x
    for k in range(1, _SHIFT):
        product = product * (x + float(k))
    inverse = 1.0 / z
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260)))
    return (z - 0.5) * ops.log(z) - z + _HALF_LOG_2_PI + series - ops.log(product)


def digamma(x: Any) -> Any:
    """Return the derivative of `log_gamma`.

    Parameters
    ----------
    x : tensor of float32, any shape
        Positive numbers.

    Returns
    -------
    tensor of float32
        ``d ln Gamma(x) / dx``, same shape.

    References
    ----------
    NIST Digital Library of Mathematical Functions, eq. 5.11.2.
    https://dlmf.nist.gov/5.11
    """
    z = x + float(_SHIFT)
    inverse = 1.0 / z
    square = inverse * inverse
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252)))
    value = ops.log(z) - 0.5 * inverse - series
    for k in range(_SHIFT):
        value = value - 1.0 / (x + float(k))
    return value


def log_beta(a: Any, b: Any) -> Any:
    """Return the logarithm of the beta function of positive numbers.

    Parameters
    ----------
    a, b : tensor of float32, same shape
        Positive numbers.

    Returns
    -------
    tensor of float32
        ``ln Gamma(a) + ln Gamma(b) - ln Gamma(a + b)``.
    """
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)
