"""
Initialization, depth, and what goes wrong
==========================================

Train networks with one to eight hidden layers from five kinds of initial weights, with 10
seeds each. Most of them fail, and each failure has its symptom. Find the causes of nine
failing runs in the equations of backpropagation, and show that the fixes work.
"""

# %%
# The data and the initial weights
# --------------------------------
# The data are 600 of the digits, with pixels from 0 to 1. The networks have hidden layers
# of 32 units. The five kinds of initial weights are equal weights, and normal weights
# with four standard deviations σ. Biases are 0. Glorot's σ depends on the inputs and
# outputs of a layer (`Glorot and Bengio 2010
# <https://proceedings.mlr.press/v9/glorot10a.html>`_), He's only on its inputs (`He et
# al. 2015 <https://arxiv.org/abs/1502.01852>`_). σ = 1 is the lecture notes' choice.

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

digits = jfnn.datasets.digits()
split = jfnn.Split(
    digits.x_train[:600] / 16,
    digits.y_train[:600],
    digits.x_test / 16,
    digits.y_test,
)
activations = ["sigmoid", "tanh", "relu"]
depths = [1, 2, 4, 8]
starts = ["constant", "too small", "too large", "Glorot", "He"]
SEEDS = 10


def weights(start, n_in, n_out, rng):
    normal = rng.standard_normal((n_in, n_out), np.float32)
    return {
        "constant": np.full_like(normal, 0.1),
        "too small": 0.01 * normal,
        "too large": normal,
        "Glorot": np.float32(np.sqrt(2 / (n_in + n_out))) * normal,
        "He": np.float32(np.sqrt(2 / n_in)) * normal,
    }[start]


def sizes(depth):
    return (64, *[32] * depth, 10)


def initial(depth):
    """Return the initial parameters, arrays ``[start, seed, …]``."""
    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes(depth))):
        w = [
            [
                weights(name, n_in, n_out, np.random.default_rng([i, s]))
                for s in range(SEEDS)
            ]
            for name in starts
        ]
        layers.append(
            jfnn.Layer(
                np.array(w), np.zeros((len(starts), SEEDS, n_out), np.float32)
            )
        )
    return tuple(layers)


# %%
# Signals through eight layers
# ----------------------------
# How much does an activation vary from row to row, layer by layer? If the weights are
# independent with mean 0, then
#
# .. math:: z_l = a_{l-1} w_l + b_l, \qquad
#           \operatorname{Var} z_l = n \sigma^2 \, E \left[ a_{l-1}^2 \right]
#
# for a layer with n inputs. The deltas pass the same weights backwards:
#
# .. math:: \delta_l = (\delta_{l+1} w_{l+1}^T) \circ f'(z_l)
#
# .. math:: E \left[ \delta_l^2 \right] \approx n \sigma^2 \, E \left[ f'(z_l)^2 \right]
#           E \left[ \delta_{l+1}^2 \right]
#
# Both are multiplied by a factor in each layer, so they shrink or grow exponentially with
# the depth unless this factor is 1. Compute them before any training:

x = jnp.asarray(split.x_train, jnp.float32)
one_hot = jax.nn.one_hot(split.y_train, 10)


def signals(params, activation):
    """Return the variation of activations over rows, and the size of deltas, by layer."""
    all_z, all_a = jfnn.backprop.forward(params, x, activation)
    delta = jax.nn.softmax(all_a[-1]) - one_hot
    all_delta = jfnn.backprop.deltas(params, all_z, delta, activation)
    varied = [a.std(axis=0).mean() for a in all_a[1:-1]]
    sizes_of_delta = [jnp.sqrt((d**2).mean()) for d in all_delta[:-1]]
    return jnp.array([varied, sizes_of_delta])


deep = initial(8)
by_layer = {}  # activation -> [start, seed, (activation, delta), layer]
for f in activations:
    of_seeds = jax.vmap(lambda params, f=f: signals(params, f))
    by_layer[f] = np.asarray(jax.vmap(of_seeds)(deep))

figure = Figure(figsize=(6, 7), layout="constrained")
panels = figure.subplots(3, 2, sharex=True, sharey=True)
for row, f in zip(panels, activations, strict=True):
    for i, axes in enumerate(row):
        for name, of_start in zip(starts, by_layer[f], strict=True):
            axes.semilogy(
                range(1, 9), np.median(of_start[:, i], axis=0), label=name
            )
    row[0].set(ylabel=f, ylim=(1e-13, 1e6))
for axes, title in zip(
    panels[0], ["variation of activations", "size of δ"], strict=True
):
    axes.set_title(title)
for axes in panels[-1]:
    axes.set_xlabel("hidden layer")
handles, labels = panels[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=3)
figure

# %%
# Read the right column from right to left: deltas start at the output. Only three of the 15
# combinations keep both signals within a factor of three through eight layers: tanh with
# Glorot's or He's σ, and ReLU with He's σ.
#
# The grid
# --------
# Now train all of them: five kinds of initial weights, four depths, three activations and
# five learning rates, with 10 seeds each, 3,000 networks. A fifth of the 600 rows is held
# out to choose the learning rate of each combination. Cells of a sweep may have initial
# weights of their own:

rates = np.array([0.03, 0.1, 0.3, 1.0, 3.0])


def by_cell(params):
    """Repeat the initial parameters of each kind for all rates: ``[cell, seed, …]``."""
    return jax.tree.map(lambda leaf: leaf.repeat(len(rates), axis=0), params)


options = {
    "seeds": SEEDS,
    "validation": 0.2,
    "epochs": 30,
    "batch_size": 50,
    "gradient": "backprop",
}
grid = jfnn.sweep(
    jfnn.Networks(
        lambda activation, depth: jfnn.mlp(sizes(depth), activation),
        activation=activations,
        depth=depths,
    ),
    split,
    cells={"learning_rate": np.tile(rates, len(starts))},
    initial_params=[
        [by_cell(initial(depth)) for depth in depths] for _ in activations
    ],
    **options,
)

# %%
# A diverged network counts as an accuracy of 0. The maps show the mean test accuracy at
# the best learning rate:


def unfold(scores):
    """Return scores ``[activation, depth, start, rate, seed]``."""
    shape = (len(activations), len(depths), len(starts), len(rates), SEEDS)
    return np.nan_to_num(scores).reshape(shape)


held_out = unfold(grid.validation_accuracy)
on_test = unfold(grid.test_accuracy)
best = held_out.mean(axis=-1).argmax(axis=-1)  # [activation, depth, start]
accuracy = np.take_along_axis(on_test, best[..., None, None], axis=3)[..., 0, :]
jfnn.plots.array_map(
    {f: accuracy[i].mean(axis=-1).T for i, f in enumerate(activations)},
    {"initial weights": starts, "depth": depths},
    label="test accuracy",
)

# %%
# With one hidden layer, almost any random start works. With eight, the maps agree with
# the signals before training.
#
# What goes wrong
# ---------------
# Take nine failing runs, one by one. Each comparison with the fix is paired: both have
# the same seeds, and the interval is for the mean difference.


def at(activation, depth, start):
    """Return the test accuracies ``[seed]`` at the best rate, and that rate."""
    place = activations.index(activation), depths.index(depth), starts.index(start)
    return accuracy[place], rates[best[place]]


fixes = {}


def compare(name, failing, fixed):
    low, high = jfnn.analysis.interval(fixed - failing)
    fixes[name] = (failing.mean(), fixed.mean(), low, high)
    print(
        f"failing {failing.mean():.3f}, fixed {fixed.mean():.3f}, "
        f"difference {low:+.3f} to {high:+.3f}"
    )


def statistics_of(activation, depth):
    """Return the statistics of layers after training: arrays ``[1, layer, cell, seed]``."""
    program = grid.program(activation=activation, depth=depth)
    return jfnn.analysis.layer_statistics(program, split.x_train, split.y_train)


def cell(start, rate):
    return starts.index(start) * len(rates) + int(np.flatnonzero(rates == rate)[0])


# %%
# 1. Equal weights
# ~~~~~~~~~~~~~~~~
# *Symptom.* A tanh network with one hidden layer and equal initial weights ends far below
# the same network with random ones. After training, all 32 units still have the same
# weights, up to rounding:

_, rate = at("tanh", 1, "constant")
trained = grid.program(activation="tanh", depth=1).params[0].w
w = np.asarray(trained)[cell("constant", rate)]  # [seed, input, unit]
spread = float((w.std(axis=-1).max() / w.std()).max())
print(f"spread of weights over units / over all weights: {spread:.1e}")

# %%
# *Cause.* Units with equal weights have equal activations, equal deltas
# :math:`\delta_1 = (\delta_2 w_2^T) \circ f'(z_1)` and thus equal gradients
# :math:`x^T \delta_1`. No step can separate them, so 32 units are as good as one (see
# exercise 2).
#
# *Fix.* Random weights, here with Glorot's σ:

compare("equal weights", at("tanh", 1, "constant")[0], at("tanh", 1, "Glorot")[0])

# %%
# 2. Too small: the signal vanishes
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* Eight layers of tanh units with σ = 0.01 stay at chance for every learning
# rate. Before training, the last hidden layer does not react to the input:

forward, backward = np.median(by_layer["tanh"][starts.index("too small")], axis=0)
factor = (forward[7] / forward[0]) ** (1 / 7)
print(
    f"variation of activations: {forward[0]:.0e} in layer 1, {forward[7]:.0e} in layer 8"
)
print(f"factor per layer {factor:.3f}, √n σ = {np.sqrt(32) * 0.01:.3f}")

# %%
# *Cause.* For small z, tanh z ≈ z, and each layer multiplies the signal by
# :math:`\sqrt{n} \sigma`. The deltas shrink by the same factor on their way back, and so
# do the gradients :math:`a_{l-1}^T \delta_l`, twice.
#
# *Fix.* :math:`\sqrt{n} \sigma = 1`, which is Glorot's σ for layers of equal width:

compare("too small", at("tanh", 8, "too small")[0], at("tanh", 8, "Glorot")[0])

# %%
# 3. Too large: units saturate
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* With σ = 1, eight tanh layers learn little at any rate. Most activations are
# almost -1 or 1 after training. An activation counts as saturated if f'(z) is below 5% of
# its maximum:

of_tanh = statistics_of("tanh", 8)
for name in ("too large", "Glorot"):
    _, rate = at("tanh", 8, name)
    saturated = of_tanh.saturated[0, :8, cell(name, rate)].mean(axis=-1)
    print(f"{name:9} saturated by layer:", saturated.round(2))

# %%
# *Cause.* :math:`\sqrt{n} \sigma = 5.7`, so \|z\| is far above 1, where :math:`f'(z) = 1
# - \tanh^2 z` is almost 0 for most units and almost 1 for some. The few deltas that pass
# grow by the large weights, so the first layers jump between saturated states.
#
# *Fix.* Glorot's σ again:

compare("saturated", at("tanh", 8, "too large")[0], at("tanh", 8, "Glorot")[0])

# %%
# 4. Too large: the network diverges
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* ReLU units do not saturate for large z. With σ = 1 and eight layers, networks
# become infinite or NaN:

diverged = unfold(grid.diverged_at >= 0)[activations.index("relu"), depths.index(8)]
for name, of_start in zip(starts, diverged, strict=True):
    print(f"{name:9} diverged at each rate, of {SEEDS}:", of_start.sum(axis=-1))

# %%
# *Cause.* Half of the units are active, so each layer multiplies the signal by
# :math:`\sqrt{n/2} \, \sigma = 4`, and eight layers by 65,000. The deltas grow by as
# much, and each step makes the weights larger still.
#
# *Fix.* He's σ, for which this factor is 1. A lower learning rate alone does not help:
# all networks diverge at the lowest rate too.

compare("diverged", at("relu", 8, "too large")[0], at("relu", 8, "He")[0])

# %%
# 5. Glorot's σ with ReLU
# ~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* Glorot's σ works for ReLU networks with one to four layers. With eight it is
# worse than He's:

for depth in depths:
    of_glorot, of_he = (
        at("relu", depth, name)[0].mean() for name in ("Glorot", "He")
    )
    print(f"{depth} layers: Glorot {of_glorot:.3f}, He {of_he:.3f}")

# %%
# *Cause.* ReLU sets half of the values to 0. With :math:`n \sigma^2 = 1`, each layer then
# halves :math:`E[a^2]` and :math:`E[\delta^2]` (see exercise 1).
#
# *Fix.* :math:`n \sigma^2 = 2`, which is He's σ:

compare("Glorot with ReLU", at("relu", 8, "Glorot")[0], at("relu", 8, "He")[0])

# %%
# 6. Dead ReLU units
# ~~~~~~~~~~~~~~~~~~
# *Symptom.* With He's σ, one hidden layer and a learning rate of 3, ReLU networks end at
# chance. Almost all units are dead, that is, 0 for every row:

shallow = jfnn.sweep(
    jfnn.mlp(sizes(1), "relu", init="he_normal"),
    split,
    learning_rate=[0.3, 1.0, 3.0],
    execution=jfnn.Execution(
        eval_every=[1, 2, 5, 10, 20, 30], keep_params="evaluations"
    ),
    **options,
)
of_shallow = jfnn.analysis.layer_statistics(shallow, split.x_train, split.y_train)
jfnn.plots.layers(of_shallow, "dead", "epoch", by="learning_rate", at={"layer": 0})

# %%
# *Cause.* A large step makes weights so negative that z < 0 for all rows. There f'(z) = 0,
# so :math:`\delta = 0`: the unit's weights never change again, at any learning rate.
#
# *Fix.* A lower learning rate from the beginning. Units that have died do not recover.

dead = of_shallow.dead[-1, 0, :, 0].mean(axis=-1)  # [rate]
print("share of dead units at η = 0.3, 1 and 3:", dead.round(2))
compare("dead units", shallow.test_accuracy[2, 0], shallow.test_accuracy[1, 0])

# %%
# 7. Deep sigmoid networks
# ~~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* With eight layers of sigmoid units and Glorot's σ, no learning rate helps:

place = activations.index("sigmoid"), depths.index(8), starts.index("Glorot")
for rate, scores in zip(rates, on_test[place], strict=True):
    print(
        f"η = {rate:4}: {scores.mean():.3f}, best of {SEEDS} seeds {scores.max():.3f}"
    )

# %%
# *Cause.* :math:`f'(z) = f(z) (1 - f(z)) \le 1/4`. With :math:`n \sigma^2 = 1`, each layer
# multiplies the deltas by 1/4 or less:

backward = np.median(by_layer["sigmoid"][starts.index("Glorot"), :, 1], axis=0)
print(
    "size of δ, layer by layer, relative to the next:",
    (backward[:-1] / backward[1:]).round(3),
)

# %%
# The first layer would need a rate more than ten thousand times that of the last one.
#
# *Fix.* tanh, whose derivative at 0 is 1:

compare("deep sigmoids", at("sigmoid", 8, "Glorot")[0], at("tanh", 8, "Glorot")[0])

# %%
# 8. Inputs that are not scaled
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* Train two tanh layers on the original pixels, from 0 to 16. Most activations
# of the first layer saturate, and even the best rate is worse:

raw = split._replace(x_train=16 * split.x_train, x_test=16 * split.x_test)
inputs = {}
for name, rows in {"0 to 16": raw, "0 to 1": split}.items():
    inputs[name] = jfnn.sweep(
        jfnn.mlp(sizes(2), "tanh"),
        rows,
        learning_rate=[0.01, 0.03, 0.1, 0.3, 1.0],
        **options,
    )
of_inputs = {}
for name, rows in {"0 to 16": raw, "0 to 1": split}.items():
    j = int(inputs[name].validation_accuracy.mean(axis=-1)[:, 0].argmax())
    found = jfnn.analysis.layer_statistics(inputs[name], rows.x_train, rows.y_train)
    of_inputs[name] = inputs[name].test_accuracy[j, 0]
    print(
        f"pixels from {name}: best η = {inputs[name].learning_rate[j]}, saturated in "
        f"layer 1: {found.saturated[0, 0, j].mean():.0%}"
    )

# %%
# *Cause.* :math:`\operatorname{Var} z_1 = n \sigma^2 E[x^2]`: inputs that are 16 times as
# large act like initial weights that are 16 times as large. The gradient
# :math:`x^T \delta_1` is 16 times as large too.
#
# *Fix.* Scale the inputs to values around 1, by a constant or with
# `jfnn.datasets.standardize`:

compare("inputs", of_inputs["0 to 16"], of_inputs["0 to 1"])

# %%
# 9. Too large a penalty
# ~~~~~~~~~~~~~~~~~~~~~~
# *Symptom.* The cost stops at log 10 = 2.30, as for ten equal probabilities, and all
# weights go to 0:

penalties = [0.0, 0.1, 1.0, 10.0]
penalized = jfnn.sweep(
    jfnn.mlp(sizes(2), "tanh"), split, learning_rate=0.3, l2=penalties, **options
)
first = np.asarray(penalized.params[0].w)[0]  # [λ, seed, input, unit]
size_of_weights = np.sqrt((first**2).mean(axis=(1, 2, 3)))
for j, penalty in enumerate(penalties):
    print(
        f"λ = {penalty:4}: cost {penalized.train_loss[0, j].mean():.3f}, "
        f"weights {size_of_weights[j]:.0e}, accuracy {penalized.test_accuracy[0, j].mean():.3f}"
    )

# %%
# *Cause.* The gradient has the term :math:`\lambda w / n` (n = 50 rows of a step here), so
# each step multiplies the weights by :math:`1 - \eta \lambda / n`. Near w = 0 the
# gradient of the cost is small, because activations and deltas are: it cannot balance
# the penalty, and w = 0 becomes a minimum.
#
# *Fix.* A smaller λ, chosen on held-out rows:

chosen = int(penalized.validation_accuracy[0].mean(axis=-1).argmax())
compare(
    "penalty", penalized.test_accuracy[0, -1], penalized.test_accuracy[0, chosen]
)

# %%
# A table of symptoms
# -------------------
# ====================================  ==========================  ====================
# Symptom                               Likely cause                Fix
# ====================================  ==========================  ====================
# units of a layer are equal            equal initial weights       random weights
# activations vary less in each layer   σ too small                 Glorot; He for ReLU
# deltas shrink towards the input       sigmoids; σ too small       tanh or ReLU
# most units are saturated              σ or inputs too large       Glorot; scale inputs
# infinite or NaN                       σ or η too large            He; lower η
# units are 0 for all rows              η too large                 lower η
# cost stays at log(classes), w → 0     λ too large                 lower λ
# ====================================  ==========================  ====================
#
# `jfnn.analysis.layer_statistics` shows vanishing signals, saturated and dead units in the
# layers of any network.
#
# Exercises
# ---------
# The computed answers are in ``tests/course/test_initialization.py``.
#
# **Exercise 1.** Let w be normal with mean 0 and standard deviation σ, and b = 0. Show
# that for ReLU :math:`E[a_l^2] = \tfrac{n}{2} \sigma^2 E[a_{l-1}^2]`. By which factor does
# the root mean square activation shrink between the first and the eighth hidden layer
# with Glorot's σ?
#
# **Exercise 2.** A network has one hidden layer of n units with equal weights, and equal
# weights from all units to each output. Which network with a single hidden unit has the
# same outputs, before training and after each step of gradient descent? Its layers need
# learning rates of their own.
#
# **Exercise 3.** Which σ makes the largest possible factor of the deltas of sigmoid layers,
# :math:`\sqrt{n} \sigma / 4`, equal to 1? What is the actual factor then, in the deep
# network, and why?
