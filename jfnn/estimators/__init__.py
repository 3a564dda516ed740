"""scikit-learn's perceptrons and searches, trained by the engine: change one import.

A fit gives the same bits alone and beside others, so that a search may train all of its fits together.
"""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.estimators.mlp import MLPClassifier, MLPRegressor
from jfnn.estimators.search import GridSearchCV, RandomizedSearchCV

__all__ = ["GridSearchCV", "MLPClassifier", "MLPRegressor", "RandomizedSearchCV"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
