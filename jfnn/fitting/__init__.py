"""Fits of scikit-learn's perceptron as runs of the engine.

A `fit` is plain data; `training` draws its minibatches by `draws` and trains fits that differ by numbers
alone side by side, by the `learner`. `scoring` prepares held-out rows for early stopping, `lbfgs` is the
objective that SciPy's minimiser asks for, and `ahead` keeps the fits of a search. `costs` predict by which
code a fit is over first.
"""
