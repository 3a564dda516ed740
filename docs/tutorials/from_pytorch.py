"""
From a PyTorch loop
===================

You train a small network in a PyTorch loop, once for each learning rate. This
tutorial moves the data, the initial weights and the optimizer to jfnn. A test of
this project runs the loop below and compares the results: after 60 steps the
parameters agree to 1e-5.
"""

# %%
# Your program
# ------------
# The digits, a 64-32-10 network, Nesterov momentum and weight decay:
#
# .. code-block:: python
#    :name: torch-loop
#
#    import torch
#
#    layers = [torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)]
#    model = torch.nn.Sequential(*layers)
#    with torch.no_grad():  # the starting weights below, to compare
#        for layer, (w, b) in zip((model[0], model[2]), start):
#            layer.weight.copy_(torch.as_tensor(w))
#            layer.bias.copy_(torch.as_tensor(b))
#    x, y = torch.as_tensor(split.x_train), torch.as_tensor(split.y_train)
#    optimizer = torch.optim.SGD(
#        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-2
#    )
#    for rows in torch.as_tensor(batches):
#        optimizer.zero_grad()
#        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
#        loss.backward()
#        optimizer.step()
#
# This site is built without PyTorch, so the block above is the only one that does
# not run here.
#
# The data and the initial weights
# --------------------------------
# ``torch.nn.Linear`` has weights ``[out, in]``. Weights and biases are uniform
# within ±1/√n_in. Here they come from NumPy; for your own model, use
# ``layer.weight.detach().numpy()``.

import numpy as np
import optax

import jfnn

split = jfnn.datasets.digits()
split = split._replace(
    x_train=np.float32(split.x_train / 16), x_test=np.float32(split.x_test / 16)
)
draw = np.random.default_rng(0)


def linear(n_in, n_out):
    bound = 1 / np.sqrt(n_in)
    return [
        np.float32(draw.uniform(-bound, bound, shape))
        for shape in ((n_out, n_in), (n_out,))
    ]


start = [linear(64, 32), linear(32, 10)]
batches = np.stack([draw.permutation(len(split.x_train))[:100] for _ in range(60)])

# %%
# A jfnn layer has weights ``[in, out]`` and computes ``x @ w + b``, so the weights
# must be transposed. If you have no weights to copy, ``init="pytorch"`` samples
# from the same distribution.

network = jfnn.mlp((64, 32, 10), activation="relu", init="pytorch")
params = tuple(jfnn.Layer(w.T, b) for w, b in start)

# %%
# The optimizer
# -------------
# ``cross_entropy`` is a mean over rows in both PyTorch and jfnn. PyTorch's weight
# decay adds a multiple of each parameter to its gradient, including the biases. In
# optax these are two transformations, which the function below chains. Its
# arguments can be axes of the grid.


def torch_sgd(learning_rate, momentum=0.9, weight_decay=0.0):
    decay = optax.add_decayed_weights(weight_decay)
    return optax.chain(
        decay, optax.sgd(learning_rate, momentum=momentum, nesterov=True)
    )


options = {
    "epochs": 6,
    "batches": batches.reshape(6, 10, 100),
    "initial_params": params,
}
result = jfnn.sweep(
    network,
    split,
    learning_rate=[0.01, 0.05, 0.1],
    optimizer=jfnn.Optimizer(torch_sgd, momentum=0.9, weight_decay=[0.0, 1e-2]),
    **options,
)
print(dict(zip(result.axes, result.cell_shape, strict=True)))
print("test accuracy [η, weight decay]:")
print(result.test_accuracy[:, 0, :, 0].round(3))

# %%
# The loop above corresponds to ``result.member(1, 0, 1, 0)``: η = 0.05, one λ,
# weight decay 0.01, one seed. Transpose its weights for the PyTorch model:

trained = result.member(1, 0, 1, 0)
state = {
    "0.weight": trained[0].w.T,
    "0.bias": trained[0].b,
    "2.weight": trained[1].w.T,
    "2.bias": trained[1].b,
}
print({name: array.shape for name, array in state.items()})

# %%
# Load them with ``model.load_state_dict({name: torch.tensor(array) for name, array
# in state.items()})``.
#
# Weight decay or l2
# ------------------
# jfnn's penalty λ applies to the weights only, as in the lecture notes. Like the
# cost, it is divided by the number of rows in a minibatch. So λ is the weight decay
# times the number of rows, here 0.01 × 100 = 1. In PyTorch, the same needs two
# parameter groups, with ``weight_decay=0`` for the biases. The results differ by:

penalized = jfnn.sweep(
    network,
    split,
    learning_rate=[0.05],
    l2=1e-2 * 100,
    optimizer=jfnn.Optimizer("sgd", momentum=0.9, nesterov=True),
    **options,
)
other = penalized.member(0, 0, 0)
print("largest difference of a weight:", np.abs(other[0].w - trained[0].w).max())
print("largest difference of a bias:  ", np.abs(other[0].b - trained[0].b).max())

# %%
# PyTorch and jfnn side by side
# -----------------------------
#
# ==============================================  ============================================================
# PyTorch                                         jfnn
# ==============================================  ============================================================
# ``cross_entropy(…)``                            ``loss="cross_entropy"``, the default
# ``cross_entropy(…, reduction="sum")``           ``reduction="sum"``
# ``SGD(lr, momentum=m, nesterov=True)``          ``jfnn.Optimizer("sgd", momentum=m, nesterov=True)``
# ``SGD(…, weight_decay=d)``, weights alone       ``l2=d * rows`` with a mean, ``l2=d`` with a sum
# ``SGD(…, weight_decay=d)``, all parameters      ``torch_sgd`` above
# ``Adam(lr, betas=(b1, b2), eps=e)``             ``jfnn.Optimizer("adam", b1=b1, b2=b2, eps=e)``
# ``AdamW(lr)``, whose weight decay is 0.01       ``jfnn.Optimizer("adamw", weight_decay=0.01)``
# ``DataLoader(shuffle=True, drop_last=True)``    ``jfnn.Minibatches(rows, "permutation")``
# ``torch.manual_seed(s)``                        ``seeds``, an axis
# ==============================================  ============================================================
#
# A whole search in one call
# --------------------------
# One program trained the six networks above. Adding seeds, held-out rows and
# statistics still takes one call:

search = jfnn.sweep(
    network,
    split,
    learning_rate=[0.01, 0.05, 0.1],
    optimizer=jfnn.Optimizer(torch_sgd, momentum=0.9, weight_decay=[0.0, 1e-2]),
    batch_size=jfnn.Minibatches(100, "permutation"),
    epochs=10,
    seeds=5,
    validation=0.2,
)
print(search.best())
print(
    jfnn.cell_statistics(search).tied.sum() - 1,
    "of 5 other cells may be the best, too",
)
jfnn.plots.axis_curves(search, "learning_rate", by="weight_decay")

# %%
# Next steps
# ----------
# * :doc:`/when_it_pays` compares the speed of a PyTorch loop, ``torch.func.vmap``
#   and ``torch.compile`` with jfnn.
# * :doc:`/kinds` describes convolutional and recurrent networks, :doc:`/extending`
#   custom layers and losses.
