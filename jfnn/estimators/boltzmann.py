"""The restricted Boltzmann machine with scikit-learn's names, trained by the engine."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

import jfnn.estimators.parameters as parameters
from jfnn import checks
from jfnn.boltzmann import Machine, columns, gibbs_step, hidden_means
from jfnn.boltzmann.machine import pack
from jfnn.experiment.options import Execution
from jfnn.learners.machines import boltzmann_machine
from jfnn.minibatches import Minibatches
from jfnn.search.train import train


class BernoulliRBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Restricted Boltzmann machine of binary units: `sklearn.neural_network.BernoulliRBM` on the engine.

    It is trained by persistent contrastive divergence (Tieleman, ICML 2008), as scikit-learn's is, with the
    same step for the same averages; its random numbers are others, and rows are shuffled before each epoch.

    Attributes:
        components_: Weights ``[n_components, features]``.
        intercept_hidden_: Biases of hidden units ``[n_components]``.
        intercept_visible_: Biases of visible units ``[features]``.
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: float = 0.1,
        batch_size: int = 10,
        n_iter: int = 10,
        verbose: bool | int = 0,
        random_state: Any = None,
    ):
        """See `sklearn.neural_network.BernoulliRBM`."""
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "BernoulliRBM":
        """Trains on rows.

        Args:
            X: Visible states in [0, 1] ``[n, features]``, dense or sparse.
            y: Not used.

        Raises:
            ValueError, TypeError: Numbers that cannot be; or training diverged.
        """
        random = parameters.as_random(self.random_state)
        self._train(self._rows(X, reset=True), random, self.n_iter, None)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> "BernoulliRBM":
        """Trains one epoch more, by contrastive divergence, whose chains start from the rows; as in `fit`."""
        first = not hasattr(self, "components_")
        if not hasattr(self, "random_state_"):
            self.random_state_ = parameters.as_random(self.random_state)
        machine = None if first else self._machine()
        self._train(self._rows(X, reset=first), self.random_state_, 1, machine, "contrastive")
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
        hidden = checks.as_count(self.n_components, "n_components")
        chains, epochs = checks.as_count(self.batch_size, "batch_size"), checks.as_count(epochs, "n_iter", 0)
        parameters.check_verbose(self.verbose)
        learner = boltzmann_machine((rows.shape[1], hidden), gradient=gradient, chains=chains)
        batch = min(chains, len(rows))
        started = time.perf_counter()
        machine, history = train(
            learner,
            rows,
            learning_rate=self.learning_rate,
            epochs=epochs,
            batch_size=Minibatches(batch, "permutation", drop_last=False),
            seed=int(random.randint(2**31 - 1)),
            initial_params=start,
            execution=Execution(eval_every=1 if self.verbose else max(epochs, 1)),
        )
        if history.diverged_at >= 0:
            raise ValueError(f"learning_rate: training diverged in epoch {history.diverged_at}; try less")
        if self.verbose:
            spent = (time.perf_counter() - started) / epochs
            for epoch, loss in zip(history.epoch, history.train_loss, strict=True):
                what = f"Iteration {epoch}, pseudo-likelihood = {-loss:.2f}, time = {spent:.2f}s"
                print(f"[{type(self).__name__}] {what}")
        self.components_ = np.asarray(machine.weights[0].T, rows.dtype)
        self.intercept_visible_, self.intercept_hidden_ = (np.asarray(b, rows.dtype) for b in machine.biases)

    def _machine(self) -> Machine:
        check_is_fitted(self, "components_")
        return Machine((self.components_.T,), (self.intercept_visible_, self.intercept_hidden_))

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """Probabilities of hidden units ``[n, n_components]``."""
        machine = self._machine()
        rows = self._rows(X, reset=False)
        return np.asarray(hidden_means(machine, rows), rows.dtype)

    def gibbs(self, v: Any) -> np.ndarray:
        """Visible states after one Gibbs step from ``v [n, features]``, True and False."""
        machine, v = self._machine(), np.asarray(v)
        if not hasattr(self, "random_state_"):
            self.random_state_ = parameters.as_random(self.random_state)
        uniforms = [self.random_state_.uniform(size=(len(v), n)) for n in machine.sizes[::-1]]
        return np.asarray(gibbs_step(machine, v, *uniforms)[1]) > 0

    def score_samples(self, X: Any) -> np.ndarray:
        """Pseudo-likelihood of each row ``[n]``: the mean of what scikit-learn draws one term of."""
        machine = jax.tree.map(jnp.asarray, pack(self._machine()))
        rows = self._rows(X, reset=False)
        return np.asarray(columns.pseudo_log_likelihood(machine, jnp.asarray(rows.T)), rows.dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
