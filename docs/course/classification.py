"""
Classification
==============

Logistic regression is a network without a hidden layer. Does a hidden layer help? Compare
both on breast cancer and digits, fold by fold, with ROC curves and a confusion matrix.
"""

# %%
# The data
# --------
# Both data sets come from scikit-learn: 569 breast tissue samples with 30 measurements
# each, malignant (0) or benign (1), and 1,797 digits. A fifth of the rows is kept for the
# final test. The measurements are standardized by the training rows.

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    RocCurveDisplay,
    confusion_matrix,
)
from sklearn.model_selection import RepeatedStratifiedKFold

import jfnn

measured, is_benign = load_breast_cancer(return_X_y=True)
cancer = jfnn.datasets.split(measured, is_benign, stratify=True)
cancer = jfnn.datasets.standardize(cancer)
digits = jfnn.datasets.digits()
digits = digits._replace(x_train=digits.x_train / 16, x_test=digits.x_test / 16)

# %%
# Logistic regression as a network
# --------------------------------
# One sigmoid output, :math:`P = f(x w + b)`, with the cross-entropy as cost:
#
# .. math:: C = -\sum_i \left( y_i \log P_i + (1 - y_i) \log (1 - P_i) \right) +
#           \frac{\lambda}{2} \sum w^2, \qquad \delta = P - y
#
# This is scikit-learn's cost with its parameter C = 1/λ, divided by C. The cost is
# convex, so both libraries must find the same weights:

rows = jfnn.Split(cancer.x_train, np.float32(cancer.y_train[:, None]))
penalties = [0.1, 1.0, 10.0]
logistic = jfnn.sweep(
    jfnn.mlp((30, 1)),
    rows,
    learning_rate=1.0,
    l2=penalties,
    loss="sigmoid_cross_entropy",
    reduction="sum",
    optimizer="lbfgs",
    batch_size=None,
    epochs=200,
)
differences = []
for j, penalty in enumerate(penalties):
    estimator = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=10_000)
    theirs = estimator.fit(cancer.x_train, cancer.y_train).coef_[0]
    ours = np.asarray(logistic.member(0, j, 0)[0].w)[:, 0]
    differences.append(np.abs(ours - theirs).max())
    print(
        f"λ = {penalty}: largest weight {np.abs(theirs).max():.3f}, "
        f"largest difference {differences[-1]:.1e}"
    )

# %%
# Does a hidden layer help?
# -------------------------
# Train both models by five-fold cross-validation, repeated six times: 30 folds. Rank them
# by the area under the ROC curve (AUC) on the held-out rows:


def kinds(inputs, hidden, classes):
    return {
        "logistic": jfnn.mlp((inputs, classes)),
        "network": jfnn.mlp((inputs, hidden, classes)),
    }


folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=6, random_state=0)
options = {"batch_size": 50, "gradient": "backprop"}
by_folds = jfnn.sweep(
    kinds(30, 20, 2),
    cancer,
    learning_rate=[0.03, 0.1, 0.3],
    l2=[0.01, 0.1, 1.0, 10.0],
    folds=folds,
    epochs=50,
    validation=jfnn.Validation(rank_by="auc"),
    **options,
)


def best_of_each(result, score):
    """Return the index of the best cell of each kind of network."""
    means = jfnn.cell_statistics(result, score).mean
    places = [
        np.unravel_index(np.nanargmax(of_kind), of_kind.shape) for of_kind in means
    ]
    return [(i, *map(int, place)) for i, place in enumerate(places)]


plain, hidden = best_of_each(by_folds, "validation_auc")
statistics = jfnn.cell_statistics(by_folds, "validation_auc")
for index in (plain, hidden):
    mean, low, high = (
        getattr(statistics, part)[index] for part in ("mean", "low", "high")
    )
    print(f"{by_folds.axes_at(index)}: AUC {mean:.4f}, {low:.4f} to {high:.4f}")

# %%
# Both models saw the same rows in each fold, so take the difference fold by fold. The
# folds' training rows overlap, so the naive variance is too small. Use the corrected
# variance of `Nadeau and Bengio 2003 <https://doi.org/10.1023/A:1024068626366>`_ instead:

compared = jfnn.analysis.compare_cells(by_folds, "validation_auc", reference=plain)
of_rows = [
    float(getattr(compared, part)[hidden])
    for part in ("difference", "low", "high", "p")
]
print(
    "network minus logistic: {:+.4f}, {:+.4f} to {:+.4f}, p = {:.2f}".format(
        *of_rows
    )
)

# %%
# On these rows there is no significant difference. With a single split and 50 seeds, the
# interval is narrower, but it measures something else: initial weights and minibatches,
# for these particular rows. It does not cover other patients.

rates = by_folds.axes_at(hidden)
by_seeds = jfnn.sweep(
    kinds(30, 20, 2),
    cancer,
    learning_rate=rates["learning_rate"],
    l2=rates["l2"],
    seeds=50,
    epochs=50,
    validation=jfnn.Validation(0.2, rank_by="auc"),
    **options,
)
compared = jfnn.analysis.compare_cells(
    by_seeds, "validation_auc", reference=(0, 0, 0)
)
of_seeds = [
    float(getattr(compared, part)[1, 0, 0])
    for part in ("difference", "low", "high", "p")
]
print("over 50 seeds: {:+.4f}, {:+.4f} to {:+.4f}, p = {:.1g}".format(*of_seeds))

# %%
# ROC curves
# ----------
# Train the best cell of each kind on all training rows with 20 seeds. Each curve uses the
# mean probabilities of these seeds on the test rows:

chances = {}
for name, index in {"logistic": plain, "network": hidden}.items():
    chosen = by_folds.axes_at(index)
    trained = jfnn.sweep(
        kinds(30, 20, 2)[name],
        cancer,
        learning_rate=chosen["learning_rate"],
        l2=chosen["l2"],
        seeds=20,
        epochs=50,
        **options,
    )
    chances[name] = trained.predict_proba(cancer.x_test)[0, 0]  # [seed, row, class]
    right = (chances[name].argmax(axis=-1) == cancer.y_test).mean(axis=1)
    print(
        f"{name:8} accuracy {right.mean():.4f}, standard deviation over seeds {right.std():.4f}"
    )
chances["scikit-learn"] = estimator.predict_proba(cancer.x_test)[None]
figure = Figure(layout="constrained")
axes = figure.add_subplot()
for name, probabilities in chances.items():
    mean = probabilities.mean(axis=0)[:, 1]
    RocCurveDisplay.from_predictions(cancer.y_test, mean, ax=axes, name=name)
figure

# %%
# Digits
# ------
# Now ask the same questions with ten classes:

of_digits = jfnn.sweep(
    kinds(64, 50, 10),
    digits,
    learning_rate=[0.1, 0.3, 1.0, 3.0],
    l2=[0.01, 0.1, 1.0],
    folds=RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0),
    epochs=30,
    **options,
)
plain, hidden = best_of_each(of_digits, "validation_accuracy")
compared = jfnn.analysis.compare_cells(
    of_digits, "validation_accuracy", reference=plain
)
on_digits = [
    float(getattr(compared, part)[hidden])
    for part in ("difference", "low", "high", "p")
]
for index in (plain, hidden):
    accuracy = of_digits.validation_accuracy[index].mean()
    print(of_digits.axes_at(index), f"accuracy {accuracy:.4f}")
print(
    "network minus logistic: {:+.4f}, {:+.4f} to {:+.4f}, p = {:.1g}".format(
        *on_digits
    )
)

# %%
# Here the hidden layer helps, beyond what the choice of rows explains. Which digits does
# it still confuse? The confusion matrix averages 20 seeds on the test rows:

chosen = of_digits.axes_at(hidden)
trained = jfnn.sweep(
    kinds(64, 50, 10)["network"],
    digits,
    learning_rate=chosen["learning_rate"],
    l2=chosen["l2"],
    seeds=20,
    epochs=30,
    **options,
)
predicted = trained.predict(digits.x_test)[0, 0]  # [seed, row]
counts = confusion_matrix(np.tile(digits.y_test, len(predicted)), predicted.ravel())
mean = counts / len(predicted)
figure = Figure(layout="constrained")
ConfusionMatrixDisplay(mean).plot(ax=figure.add_subplot(), values_format=".1f")
figure

# %%

off = mean - np.diag(np.diag(mean))
true, taken = np.unravel_index(off.argmax(), off.shape)
print(
    f"most often: {off.max():.1f} of {mean[true].sum():.0f} rows of {true} are taken for {taken}"
)
print(f"test accuracy {(predicted == digits.y_test).mean():.4f}")

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_classification.py``.
#
# **Exercise 1.** Two outputs with a softmax are equivalent to one output with a sigmoid
# of z. What is z? Which penalty in the first model gives the same probabilities as a
# penalty λ in the second?
#
# **Exercise 2.** Show that the AUC is the probability that a random benign row has a
# larger output than a random malignant row.
#
# **Exercise 3.** The 30 differences, one per fold, have the standard deviation s. How
# wide is the 95% interval of Nadeau and Bengio? How wide would it be if the differences
# were independent?
