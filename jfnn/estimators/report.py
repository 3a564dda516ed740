"""Lines of a verbose fit, as scikit-learn prints them."""

from typing import Any

from jfnn.fitting.structure import Structure


class Report:
    """Prints each epoch of a fit, and why it slows down and ends."""

    def __init__(self, perceptron: Any, structure: Structure, rate: float):
        """Nothing is printed yet.

        Args:
            perceptron: The estimator.
            structure: Of its fit.
            rate: The learning rate that it starts with.
        """
        self.epochs, self.adaptive, self.rate = 0, structure.schedule == "adaptive", rate
        what = "Training loss" if structure.validation is None else "Validation score"
        tol, patience = perceptron.tol, perceptron.n_iter_no_change
        self.stands_still = f"{what} did not improve more than tol={tol:f} for {patience} consecutive epochs."

    def epoch(self, loss: float, score: float | None, rate: float) -> None:
        """Prints an epoch: its loss, the score of rows held out, and a learning rate that was lowered."""
        self.epochs += 1
        print(f"Iteration {self.epochs}, loss = {loss:.8f}")
        if score is not None:
            print(f"Validation score: {score:f}")
        if self.adaptive and rate < self.rate / 2:  # by a fifth, if not by rounding
            print(f"{self.stands_still} Setting learning rate to {rate:f}")
        self.rate = rate

    def converged(self) -> None:
        """Prints why the fit ended before its last epoch."""
        print(f"{self.stands_still}{' Learning rate too small.' if self.adaptive else ''} Stopping.")
