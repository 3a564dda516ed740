"""
From a PyTorch loop
===================

You train a small network in a PyTorch loop, once for each learning rate. This
tutorial moves the data, the starting weights and the optimizer to jfnn. A test of
this project runs the loop below and compares: after 60 steps the parameters agree
to 1e-5.
"""

# %%
# The program that you have
# -------------------------
# The digits, a network 64-32-10, momentum after Nesterov, weight decay:
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
# The site is built without PyTorch, so that block does not run here. All other
# blocks do.
#
# The data and the start
# ----------------------
# ``torch.nn.Linear`` has weights ``[out, in]``, drawn uniformly within ±1/√n_in, as
# are its biases. Here such numbers come from NumPy. From a model of yours they are
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
# A layer of jfnn has weights ``[in, out]``, since rows are multiplied from the
# left, ``x @ w + b``. So weights are transposed. Without weights to carry over,
# ``init="pytorch"`` draws from the same distribution.

network = jfnn.mlp((64, 32, 10), activation="relu", init="pytorch")
params = tuple(jfnn.Layer(w.T, b) for w, b in start)

# %%
# The optimizer
# -------------
# ``cross_entropy`` is a mean over rows in PyTorch and here. Weight decay of PyTorch
# adds a multiple of each parameter to its gradient, of biases too. In optax these
# are two parts, which a function puts together. Its numbers can be axes of the grid.


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
# The loop above is the member ``result.member(1, 0, 1, 0)``: η = 0.05, one λ,
# weight decay 0.01, one seed. Its arrays go back into the model transposed:

trained = result.member(1, 0, 1, 0)
state = {
    "0.weight": trained[0].w.T,
    "0.bias": trained[0].b,
    "2.weight": trained[1].w.T,
    "2.bias": trained[1].b,
}
print({name: array.shape for name, array in state.items()})

# %%
# ``model.load_state_dict({name: torch.tensor(array) for name, array in
# state.items()})`` takes them.
#
# Weight decay or l2
# ------------------
# The penalty λ of jfnn is on weights alone, as in the lecture notes, and is divided
# by the rows of a minibatch, as the cost is. So λ is weight decay times rows, here
# 1. In PyTorch the same is two groups of parameters, with ``weight_decay=0`` for the
# biases. The two differ here by:

penalised = jfnn.sweep(
    network,
    split,
    learning_rate=[0.05],
    l2=1e-2 * 100,
    optimizer=jfnn.Optimizer("sgd", momentum=0.9, nesterov=True),
    **options,
)
other = penalised.member(0, 0, 0)
print("largest difference of a weight:", np.abs(other[0].w - trained[0].w).max())
print("largest difference of a bias:  ", np.abs(other[0].b - trained[0].b).max())

# %%
# What goes where
# ---------------
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
# What is gained
# --------------
# The six networks above were one program. With seeds, rows held out and statistics
# it is still one call:

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
# Where to go on
# --------------
# * :doc:`/when_it_pays` measures PyTorch's loop, ``torch.func.vmap`` and
#   ``torch.compile`` beside jfnn.
# * :doc:`/kinds` has convolutional and recurrent networks, :doc:`/extending` custom
#   layers and losses.
