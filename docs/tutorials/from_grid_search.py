"""
From GridSearchCV
=================

You have a ``GridSearchCV`` over scikit-learn's ``MLPClassifier``. This tutorial
changes its imports, shows which numbers stay the same, and then rewrites the search
as a `jfnn.sweep` with several seeds and confidence intervals.
"""

# %%
# Your program
# ------------
# A small perceptron on the breast cancer data: 9 candidates, 3 folds, 40 epochs.

import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jfnn
from jfnn import estimators

warnings.simplefilter("ignore", ConvergenceWarning)  # 40 epochs are few
x, y = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
rates = [1e-3, 1e-2, 1e-1]
penalties = [1e-3, 1e-1, 10.0]
grid = {
    "mlpclassifier__learning_rate_init": rates,
    "mlpclassifier__alpha": penalties,
}


def search(search_class, perceptron):
    """Fit a search over a pipeline and print a summary."""
    start = time.perf_counter()
    fitted = search_class(
        make_pipeline(StandardScaler(), perceptron), grid, cv=3
    ).fit(x_train, y_train)
    best = {
        name.rpartition("__")[2]: value
        for name, value in fitted.best_params_.items()
    }
    print(
        f"{time.perf_counter() - start:.1f} s, best {best}, score {fitted.best_score_:.4f}"
    )
    return fitted


options = {"hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}
theirs = search(GridSearchCV, MLPClassifier(**options))

# %%
# Change the imports
# ------------------
# `jfnn.estimators` has classes of the same names, which are subclasses of
# scikit-learn's. Nothing else changes.

for _ in range(2):
    ours = search(estimators.GridSearchCV, estimators.MLPClassifier(**options))
difference = (
    ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]
)
print(
    "largest difference of a mean score from scikit-learn's:",
    np.abs(difference).max(),
)

# %%
# The search has 27 fits of one structure: nine candidates on three folds. jfnn
# trains all candidates of a fold side by side in one compiled program. The first
# call compiles this program and the second call reuses it. Searches that
# scikit-learn finishes sooner than a program is compiled, and single fits, run
# scikit-learn's code and give identical bytes; so does the refit of the best
# candidate.
#
# Initial weights and the order of rows come from scikit-learn's random stream, and
# the steps are the same. The arithmetic is float32 instead of float64, so a row
# close to the boundary between two classes may change sides.
#
# Train one by one, get the same bits
# -----------------------------------
# The perceptrons of jfnn have a parameter ``engine``. The default ``"auto"``
# decides by the estimated work; ``"jfnn"`` always uses jfnn, for the refit too. A
# fit has the same bits whether it is trained alone or together with others. To see
# this, pass the perceptron to scikit-learn's search, which fits the candidates one
# by one:

engine_options = options | {"engine": "jfnn"}
together = search(
    estimators.GridSearchCV, estimators.MLPClassifier(**engine_options)
)
scores = [name for name in theirs.cv_results_ if name.endswith("test_score")]
one_by_one = search(GridSearchCV, estimators.MLPClassifier(**engine_options))
assert all(
    one_by_one.cv_results_[name].tobytes() == together.cv_results_[name].tobytes()
    for name in scores
)
pairs = zip(
    one_by_one.best_estimator_[-1].coefs_,
    together.best_estimator_[-1].coefs_,
    strict=True,
)
assert all(a.tobytes() == b.tobytes() for a, b in pairs)

# %%
# The same search as a sweep
# --------------------------
# A cross-validated search scores each candidate with one random initialization.
# `jfnn.sweep` trains every candidate from several initializations, ranks the
# candidates on the held-out rows of each fold, and retrains the best one on all
# training rows (``refit``).
#
# ==========================================  ========================================================
# ``MLPClassifier``                           `jfnn.sweep`
# ==========================================  ========================================================
# ``StandardScaler`` in the pipeline          ``jfnn.datasets.standardize(split)``
# ``learning_rate_init``, ``alpha``           ``learning_rate``, ``l2``
# ``solver="adam"``, ``max_iter``             ``optimizer="adam"``, ``epochs``
# ``batch_size="auto"``, 200 rows, shuffled   ``jfnn.Minibatches(200, "permutation", drop_last=False)``
# ``cv=3``                                    ``folds=3``, the same rows
# ``random_state``                            ``seeds``
# ==========================================  ========================================================
#
# Three things differ. The network has two outputs with a softmax; scikit-learn's
# has one output with a sigmoid. A seed gives different initial weights than the
# same ``random_state``. Columns are scaled by all training rows, not by the
# training rows of each fold.

split = jfnn.datasets.standardize(jfnn.Split(x_train, y_train, x_test, y_test))
network = jfnn.mlp((30, 16, 2), activation="relu", init="glorot_uniform")
result = jfnn.sweep(
    network,
    split,
    learning_rate=rates,
    l2=penalties,
    seeds=5,
    folds=3,
    refit=True,
    epochs=40,
    optimizer="adam",
    batch_size=jfnn.Minibatches(200, "permutation", drop_last=False),
)
print(result.best())

# %%
# This trained 135 networks, and five more for the refit. Each cell (each candidate)
# has a mean and an interval:

cells = jfnn.cell_statistics(result)
for i, rate in enumerate(rates):
    for j, penalty in enumerate(penalties):
        note = "may be the best" if cells.tied[i, j] else ""
        interval = f"{cells.mean[i, j]:.3f} [{cells.low[i, j]:.3f}, {cells.high[i, j]:.3f}]"
        print(f"learning_rate {rate:5}  l2 {penalty:6}  {interval}  {note}")
chosen = tuple(
    values.index(theirs.best_params_[name]) for name, values in grid.items()
)
print("candidate of the grid search may be the best:", cells.tied[chosen])
print(
    "test accuracy of the winner, five seeds:",
    result.refit.test_accuracy.mean().round(4),
)
print(
    "test accuracy of the grid search:       ",
    round(theirs.score(x_test, y_test), 4),
)

# %%
# The intervals are 95% Student intervals over seeds. They show how much the random
# initialization matters, not how much the choice of rows does. Cells are compared
# seed by seed. The tied cells contain the truly best cell with 95% confidence. One
# of 143 test rows is 0.7 points, so either test accuracy may be higher.
#
# The heat map shows means over seeds and folds.

jfnn.plots.heat_map(result)

# %%
# Next steps
# ----------
# * :doc:`/scikit_learn` lists what is the same in both libraries and what differs.
# * :doc:`/recipes/search` shows random search, halving and early stopping.
# * :doc:`/concepts` explains cells, members and replicates.
