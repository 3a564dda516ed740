"""Fits of scikit-learn's perceptron as runs of the engine.

A `Fit` says what is trained, `training` draws its minibatches by `draws` and trains fits that differ by
numbers alone side by side, by the `learner`; `scoring` prepares the rows held out for early stopping.
`lbfgs` is the objective that SciPy's minimiser asks for. `costs` predict by which code a fit is over first.
"""
