"""The 2D Ising model without a field on the infinite square lattice, J = 1: Onsager's closed forms."""

from typing import Any

import numpy as np

from jfnn import checks

# Boltzmann's constant and J are 1. Kramers and Wannier, Phys. Rev. 60, 252 (1941).
CRITICAL_TEMPERATURE = 2 / np.log1p(np.sqrt(2))


def energy(temperature: Any) -> np.ndarray:
    """Energy per site ``-coth(2β) [1 + (2/π)(2 tanh²(2β) - 1) K(k)]``, ``k = 2 sinh(2β)/cosh²(2β)``, β = 1/T.

    K is the complete elliptic integral of the first kind (Onsager, Phys. Rev. 65, 117 (1944)).

    Args:
        temperature: T, above 0: a number or ``[n]``.

    Returns:
        Energies of the same shape, float64: -2 at T = 0, -√2 at the critical temperature, 0 at T = ∞.

    Raises:
        ValueError, TypeError: Not a positive finite number or a sequence of them.
    """
    from scipy.special import ellipkm1

    x = 2 / checks.as_axis(temperature, "temperature", strict=True)
    tanh = np.tanh(x)
    # ellipkm1 takes 1 - k², which is (2 tanh² - 1)²; that keeps its digits near the critical temperature,
    # where K diverges, and the product with the factor before it goes to 0.
    factor = 2 * tanh**2 - 1
    with np.errstate(invalid="ignore"):
        product = np.where(factor == 0, 0.0, factor * ellipkm1(factor**2))
    return np.asarray((-(1 + 2 / np.pi * product) / tanh).reshape(np.shape(temperature)))


def magnetisation(temperature: Any) -> np.ndarray:
    """Spontaneous magnetisation per site ``(1 - sinh(2/T)⁻⁴)^(1/8)``, 0 from the critical temperature on.

    C. N. Yang, Phys. Rev. 85, 808 (1952).

    Args:
        temperature: T, above 0: a number or ``[n]``.

    Returns:
        Magnetisations of the same shape, float64, from 0 to 1.

    Raises:
        ValueError, TypeError: Not a positive finite number or a sequence of them.
    """
    temperatures = checks.as_axis(temperature, "temperature", strict=True)
    with np.errstate(over="ignore"):  # sinh of a low temperature's 2/T is infinite, its inverse 0
        eighth = 1 - np.sinh(2 / temperatures) ** -4.0
    below = np.where(temperatures < CRITICAL_TEMPERATURE, eighth, 0.0)
    return np.asarray((np.maximum(below, 0.0) ** 0.125).reshape(np.shape(temperature)))
