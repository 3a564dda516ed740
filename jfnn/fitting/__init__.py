"""Fits of scikit-learn's perceptron as runs of the engine.

`draws` gives starts and orders of rows, a `group` of fits shares these, `training` trains it by
the `learner` through the engine, `held_out` scores it after each epoch where that is asked for; `lbfgs` is
SciPy's. `store` keeps fits that were trained ahead. `scikit_learn` has scikit-learn's own code train in place
of all of it, where `costs` predict that to take less time.
"""
