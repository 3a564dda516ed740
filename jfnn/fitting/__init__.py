"""Fits of scikit-learn's perceptron as runs of the engine.

A `fit` is plain data; `training` draws its minibatches by `draws` and trains fits that differ by numbers
alone side by side, by the `learner`; `scoring` prepares held-out rows for early stopping. `functions` are a
trained network's outputs, and the objective that SciPy's minimiser asks for.
"""
