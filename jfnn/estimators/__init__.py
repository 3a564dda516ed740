"""scikit-learn's perceptrons and searches, trained by the engine: change one import.

A fit gives the same bits alone and beside others, so that a search may train all of its fits together.
"""

from jfnn.estimators.mlp import MLPClassifier, MLPRegressor
from jfnn.estimators.search import GridSearchCV, RandomizedSearchCV

__all__ = ["GridSearchCV", "MLPClassifier", "MLPRegressor", "RandomizedSearchCV"]
__dir__ = __all__.copy
