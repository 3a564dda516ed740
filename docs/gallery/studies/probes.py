"""
Probing a hidden layer
======================

Linear probes predict five properties of a digit from the hidden units of a network as it learns the digits.
Measured by accuracy, even untrained units represent most of the properties. Training shows up in the length
of a code for the labels, which accounts for how many rows a probe needs (`Voita & Titov 2020
<https://arxiv.org/abs/2003.12298>`_). The :doc:`page on probes </probes>` adds controls and p-values.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn

digits = jfnn.datasets.digits()
x, x_test = digits.x_train / 16, digits.x_test / 16
network = jfnn.mlp((64, 30, 10), "tanh")
split = jfnn.Split(x, digits.y_train, x_test, digits.y_test)
execution = jfnn.Execution(eval_every=[1, 2, 4, 8, 16, 32, 64], keep_params="evaluations")
before = jfnn.sweep(network, split, learning_rate=0.3, epochs=0)
trained = jfnn.sweep(network, split, learning_rate=0.3, epochs=64, execution=execution)
layers = [run.params[0] for run in (before, trained)]
w = np.concatenate([layer.w.reshape(-1, 64, 30) for layer in layers])  # [epochs, 64, 30]
b = np.concatenate([layer.b.reshape(-1, 1, 30) for layer in layers])
hidden, hidden_test = np.tanh(x @ w + b), np.tanh(x_test @ w + b)
epochs = [0, *trained.evaluations]

# %%
# Each property is a column of the targets, with its own probes on increasing numbers of rows.


def properties(digit):
    """Return whether each digit is odd, above 4, a multiple of 3, has a loop, is a prime."""
    columns = [
        digit % 2,
        digit > 4,
        digit % 3 == 0,
        np.isin(digit, [0, 6, 8, 9]),
        np.isin(digit, [2, 3, 5, 7]),
    ]
    return np.column_stack(columns).astype(int)


names = ["odd", "above 4", "by 3", "has a loop", "prime"]
y, y_test = properties(digits.y_train), properties(digits.y_test)
sizes = jfnn.subsets.sizes(len(y), [25, 50, 100, 200, 400, len(y)])
growing = jfnn.subsets.targets(y, names, rows=sizes)
compression = []
accuracy = []
for features, features_test in zip(hidden, hidden_test, strict=True):
    rows = jfnn.Split(features, y, features_test, y_test)
    probes = jfnn.sweep(
        jfnn.mlp((30, 2)), rows, learning_rate=0.03, optimizer="adam", batch_size=25, epochs=20, folds=growing
    )
    compression.append(jfnn.analysis.online_code(probes, rows, growing).compression[0, 0, 0])
    accuracy.append(probes.test_accuracy[0, 0, 0].reshape(len(names), -1)[:, -1])  # with all rows

# %%

figure = Figure(figsize=(7, 3.6), layout="constrained")
panels = {"test accuracy": accuracy, "compression of the labels": compression}
for axes, (title, values) in zip(figure.subplots(1, 2), panels.items(), strict=True):
    image = axes.imshow(np.transpose(values), aspect="auto")
    axes.set(title=title, xlabel="epochs", xticks=range(len(epochs)), xticklabels=epochs)
    axes.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=axes)
figure
