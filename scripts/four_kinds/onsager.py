"""Closed forms of Onsager and Kaufman for the 2D Ising model without a field (square lattice, J = 1).

Onsager's are for the infinite lattice, Kaufman's for a finite one with periodic boundaries.
"""

from typing import Any

import numpy as np

# Boltzmann's constant and J are 1. Kramers and Wannier, Phys. Rev. 60, 252 (1941).
CRITICAL_TEMPERATURE = 2 / np.log1p(np.sqrt(2))


def energy(temperature: Any) -> np.ndarray:
    """Energy per site ``-coth(2β) [1 + (2/π)(2 tanh²(2β) - 1) K(k)]``, ``k = 2 sinh(2β)/cosh²(2β)``, β = 1/T.

    K is the complete elliptic integral of the first kind (Onsager, Phys. Rev. 65, 117 (1944)).

    Args:
        temperature: T, above 0: a number or ``[n]``.

    Returns:
        Energies of the same shape, float64: -2 at T = 0, -√2 at the critical temperature, 0 at T = ∞.
    """
    from scipy.special import ellipkm1

    x = 2 / np.asarray(temperature, np.float64)
    tanh = np.tanh(x)
    # ellipkm1 takes 1 - k² = (2 tanh² - 1)²: accurate near the critical temperature, where K diverges and its
    # product with the factor before it goes to 0.
    factor = 2 * tanh**2 - 1
    with np.errstate(invalid="ignore"):
        product = np.where(factor == 0, 0.0, factor * ellipkm1(factor**2))
    return np.asarray(-(1 + 2 / np.pi * product) / tanh)


def torus_energy(length: int, temperature: Any) -> np.ndarray:
    """Return the energy per site of L×L spins with periodic boundaries, ``-∂ln Z/∂K / L²``, K = 1/T.

    ``Z = ½ (2 sinh 2K)^(L²/2) Σ Z_i``, where Z_1 and Z_3 are products of ``2 cosh(Lγ_l/2)``, Z_2 and Z_4 of
    ``2 sinh(Lγ_l/2)``, over the odd l and the even l below 2L; ``γ_0 = 2K + ln tanh K``, of either sign, and
    ``sinh²(γ_l/2) = sinh²(γ_0/2) + sin²(πl/2L)`` (Kaufman, Phys. Rev. 76, 1232 (1949); Ferdinand and Fisher,
    Phys. Rev. 185, 832 (1969)). The bonds of L = 2 count twice, as in `ising_model.energy`.

    Args:
        length: L, at least 2.
        temperature: T, above 0: a number or ``[n]``.

    Returns:
        Energies of the same shape, float64.
    """
    t = np.atleast_1d(np.asarray(temperature, np.float64))
    # An imaginary step gives the derivative without cancellation. For K ≥ 100 the energy is -2.
    step = 1e-30
    k = np.minimum(1 / t, 100.0)[:, None] + 1j * step
    v = np.tanh(k)
    # √v sinh(γ/2) and √v e^(|γ|/2): the factor √v keeps them finite as K goes to 0.
    first = (np.exp(k) * v - np.exp(-k)) / 2
    sign = np.where(first.real < 0, -1, 1)
    half = np.sqrt(first**2 + v * np.sin(np.pi * np.arange(2 * length) / (2 * length)) ** 2)
    half[:, :1] = sign * first
    root = half + np.sqrt(half**2 + v)
    small = (v / root**2) ** length  # e^(-L|γ|)
    tanh = (1 - small) / (1 + small)
    tanh[:, :1] *= sign
    cosh = length * np.log(root) + np.log1p(small)
    odd = cosh[:, 1::2].sum(axis=1)
    even = cosh[:, ::2].sum(axis=1)
    ratio = np.exp(even - odd) * (1 + tanh[:, ::2].prod(axis=1))  # (Z_3 + Z_4) / Z_1
    log_z = length**2 * np.log(np.cosh(k[:, 0])) + odd + np.log(1 + tanh[:, 1::2].prod(axis=1) + ratio)
    return np.asarray((-log_z.imag / (step * length**2)).reshape(np.shape(temperature)))


def magnetization(temperature: Any) -> np.ndarray:
    """Return the spontaneous magnetization per site ``(1 - sinh(2/T)⁻⁴)^(1/8)``, 0 for T ≥ T_c.

    C. N. Yang, Phys. Rev. 85, 808 (1952).

    Args:
        temperature: T, above 0: a number or ``[n]``.

    Returns:
        Magnetizations of the same shape, float64, from 0 to 1.
    """
    temperatures = np.asarray(temperature, np.float64)
    with np.errstate(over="ignore"):  # at low T, sinh(2/T) is infinite and its inverse 0
        eighth = 1 - np.sinh(2 / temperatures) ** -4.0
    below = np.where(temperatures < CRITICAL_TEMPERATURE, eighth, 0.0)
    return np.asarray(np.maximum(below, 0.0) ** 0.125)
