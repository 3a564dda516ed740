"""Restricted and deep Boltzmann machines: energies, conditionals, exact sums, samples, estimates of log Z."""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.boltzmann.learner import BoltzmannLearner, boltzmann_machine
from jfnn.boltzmann.machine import Machine, init
from jfnn.boltzmann.rows import (
    all_states,
    energy,
    entropy,
    free_energy,
    gibbs_step,
    gradient,
    hidden_means,
    kl_divergence,
    log_likelihood,
    log_z,
    pseudo_log_likelihood,
    reconstruction_error,
    visible_means,
)
from jfnn.boltzmann.sampling import LogZ, annealed_log_z, mean_field, sample

__all__ = [
    "BoltzmannLearner",
    "LogZ",
    "Machine",
    "all_states",
    "annealed_log_z",
    "boltzmann_machine",
    "energy",
    "entropy",
    "free_energy",
    "gibbs_step",
    "gradient",
    "hidden_means",
    "init",
    "kl_divergence",
    "log_likelihood",
    "log_z",
    "mean_field",
    "pseudo_log_likelihood",
    "reconstruction_error",
    "sample",
    "visible_means",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
