"""scikit-learn's perceptrons and searches, trained by the engine: change one import.

A fit has the same bits by itself and beside others, so that a search may train all of its fits together.
"""

from jfnn.estimators.boltzmann import BernoulliRBM
from jfnn.estimators.candidates import SimplestCandidate
from jfnn.estimators.ensemble import Ensemble
from jfnn.estimators.mlp import MLPClassifier, MLPRegressor
from jfnn.estimators.search import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)

__all__ = [
    "BernoulliRBM",
    "Ensemble",
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "MLPClassifier",
    "MLPRegressor",
    "RandomizedSearchCV",
    "SimplestCandidate",
]
__dir__ = __all__.copy
