"""
From GridSearchCV
=================

Change one import.
"""

import jfnn

result = jfnn.sweep(jfnn.mlp((64, 10, 10)), jfnn.datasets.digits(), learning_rate=[0.001, 0.01], epochs=5)
jfnn.plots.heat_map(result)
