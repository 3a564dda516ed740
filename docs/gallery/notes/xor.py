"""
The XOR gate
============

Two hidden units are enough for XOR, but not from every initialization. Networks with two and with four
hidden units are trained from 200 random starts each, and the program prints how many learn all four rows.
The figure shows the decision regions of one network with two hidden units.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn

gate = jfnn.Split(*jfnn.datasets.xor_gate())
networks = {str(units): jfnn.mlp((2, units, 2), "tanh", init="glorot_normal") for units in (2, 4)}
result = jfnn.sweep(networks, gate, learning_rate=2.0, seeds=200, epochs=300, batch_size=None)
for units, accuracy in zip(networks, result.train_accuracy, strict=True):
    print(f"{units} hidden units: {(accuracy == 1).mean():.0%} of the starts learn XOR")

# %%

params = result.member(0, 0, 0, int(np.argmin(result.train_loss[0])))
side = np.linspace(-0.25, 1.25, 300)
points = np.stack(np.meshgrid(side, side), axis=-1)
regions = jfnn.predict(networks["2"], params, points.reshape(-1, 2)).reshape(300, 300)
figure = Figure(figsize=(4, 3.6), layout="constrained")
axes = figure.subplots()
axes.contourf(side, side, regions, levels=1, cmap="coolwarm", alpha=0.4)
axes.scatter(*gate.x_train.T, c=gate.y_train, cmap="coolwarm", edgecolor="black")
axes.set(xlabel="$x_1$", ylabel="$x_2$")
figure
