"""A record of the engine's runs, which all tests of estimators may count."""

import pytest

from jfnn.estimators import training


@pytest.fixture
def runs(monkeypatch):
    """The number of fits of each run of the engine."""
    sizes = []
    train = training.train

    def counted(fits, *args, **options):
        sizes.append(len(fits))
        return train(fits, *args, **options)

    monkeypatch.setattr(training, "train", counted)
    return sizes
