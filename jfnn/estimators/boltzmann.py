"""The restricted Boltzmann machine with scikit-learn's names, trained by the engine."""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse
from sklearn import neural_network
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import jfnn.estimators.parameters as parameters
from jfnn.arguments.checks import ArgumentError
from jfnn.boltzmann import Machine, columns
from jfnn.boltzmann.learner import boltzmann_machine
from jfnn.boltzmann.machine import pack
from jfnn.core.experiment.settings import Execution
from jfnn.core.search.train import train
from jfnn.estimators.parameters import Substitute
from jfnn.minibatches import Minibatches


class BernoulliRBM(Substitute, neural_network.BernoulliRBM):  # type: ignore[misc]
    """Restricted Boltzmann machine of binary units: `sklearn.neural_network.BernoulliRBM` on the engine.

    It is trained by persistent contrastive divergence (Tieleman, ICML 2008), as scikit-learn's is, with the
    same step for the same averages; its random numbers are others, and rows are shuffled before each epoch.

    Attributes:
        components_: Weights ``[n_components, features]``.
        intercept_hidden_: Biases of hidden units ``[n_components]``.
        intercept_visible_: Biases of visible units ``[features]``.
    """

    def fit(self, X: Any, y: Any = None) -> "BernoulliRBM":
        """Trains on rows.

        Args:
            X: Visible states ``[n, features]``, dense or sparse; any numbers, though meant for [0, 1].
            y: Not used.

        Raises:
            ValueError, TypeError: Invalid parameters or rows; or training diverged.
        """
        parameters.check(self)
        random = check_random_state(self.random_state)
        self._train(self._rows(X, reset=True), random, int(self.n_iter), None)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> "BernoulliRBM":
        """Trains one epoch more, by contrastive divergence, whose chains start from the rows; as in `fit`."""
        parameters.check(self)
        first = not hasattr(self, "components_")
        rows = self._rows(X, reset=first)
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        machine = None if first else self._machine()
        self._train(rows, self.random_state_, 1, machine, "contrastive")
        return self

    def _rows(self, X: Any, reset: bool) -> np.ndarray:
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=reset)
        return np.asarray(X.toarray() if sparse.issparse(X) else X)

    def _train(
        self,
        rows: np.ndarray,
        random: np.random.RandomState,
        epochs: int,
        start: Machine | None,
        gradient: str = "persistent",
    ) -> None:
        sizes = (rows.shape[1], int(self.n_components))
        chains = int(self.batch_size)
        learner = boltzmann_machine(sizes, gradient=gradient, chains=chains)
        learner = dataclasses.replace(learner, bounded=False)  # as scikit-learn, which takes any rows
        batch = min(chains, len(rows))
        started = time.perf_counter()
        result = train(
            learner,
            rows,
            learning_rate=float(self.learning_rate),
            epochs=epochs,
            batch_size=Minibatches(batch, "permutation", drop_last=False),
            seed=int(random.randint(2**31 - 1)),
            initial_params=start,
            execution=Execution(eval_every=1 if self.verbose else max(epochs, 1)),
        )
        diverged_at = int(result.diverged_at)
        if diverged_at >= 0:
            raise ArgumentError("learning_rate", f"training diverged in epoch {diverged_at}; try less")
        if self.verbose:
            spent = (time.perf_counter() - started) / max(epochs, 1)
            for epoch, loss in zip(result.evaluations, result.history["train_loss"], strict=True):
                line = f"Iteration {epoch}, pseudo-likelihood = {-loss:.2f}, time = {spent:.2f}s"
                print(f"[{type(self).__name__}] {line}")
        machine = result.params
        self.components_ = np.asarray(machine.weights[0].T, rows.dtype)
        self._n_features_out = len(self.components_)
        self.intercept_visible_, self.intercept_hidden_ = (np.asarray(b, rows.dtype) for b in machine.biases)

    def _machine(self) -> Machine:
        check_is_fitted(self, "components_")
        return Machine((self.components_.T,), (self.intercept_visible_, self.intercept_hidden_))

    def score_samples(self, X: Any) -> np.ndarray:
        """Pseudo-likelihood of each row ``[n]``: the mean of the terms of which scikit-learn draws one."""
        machine = jax.tree.map(jnp.asarray, pack(self._machine()))
        rows = self._rows(X, reset=False)
        return np.asarray(columns.pseudo_log_likelihood(machine, jnp.asarray(rows.T)), rows.dtype)
