"""Suggestions for unknown names: words from other libraries, and misspellings."""

import difflib
from collections.abc import Iterable

NEAR = 0.72  # lowest difflib ratio of a suggestion: "relu" for "rleu"
# Name in jfnn -> other names for it, too different for difflib. The first one among the choices is suggested;
# entries with "=" answer unknown keywords.
MEANT = {
    "quadratic": "mse mean_squared_error squared_error squared l2_loss",
    "mse": "mean_squared_error squared_error neg_mean_squared_error rmse root_mean_squared_error",
    "cross_entropy": "ce nll log_loss logloss categorical_crossentropy softmax_cross_entropy",
    "log_loss": "ce nll logloss neg_log_loss",
    "sigmoid_cross_entropy": "bce binary_crossentropy binary_cross_entropy",
    "accuracy": "acc",
    "auc": "roc_auc roc auroc roc_auc_score",
    "f1": "f1_score f1_macro",
    "identity": "linear none",
    "sigmoid": "logistic expit",
    "he_normal": "kaiming he",
    "glorot_normal": "xavier",
    "learning_rate": "lr eta step_size",
    "l2": "lambda alpha weight_decay regularization",
    "epochs": "max_iter n_epochs num_epochs",
    "batch_size": "bs minibatch_size",
    "seeds": "seed random_state n_seeds",
    "folds": "cv n_splits",
    "rank_by": "metric scoring",
    "permutation": "shuffle shuffled",
    "full": "all gd gradient_descent",
    "in_order": "sequential ordered",
    "train": "fit",
    "digits": "load_digits fetch_digits",
    "split": "train_test_split",
    "standardize": "standardscaler standard_scaler",
    "hyper={…}": "dropout init_scale l1",
    "network=jfnn.mlp(…)": "sizes activation output init",
    "network=jfnn.supervised(…)": "metrics",
    "optimizer=jfnn.Optimizer(…)": "momentum nesterov schedule schedule_epochs",
    "batch_size=jfnn.Minibatches(…)": "scheme drop_last steps",
    "validation=jfnn.Validation(…)": "rank_by size",
    "validation=jfnn.Validation(rank_by=…)": "scoring metric",
    "refit=jfnn.Refit(…)": "rows rule",
    "schedulers=[jfnn.EarlyStopping(…)]": "early_stopping patience n_iter_no_change",
    "execution=jfnn.Workers(executor)": "executor workers",
    "execution=jfnn.Execution(…)": "devices tile shared padded eval_every objective keep_params progress",
    "execution=jfnn.Execution(progress=True)": "verbose",
    "execution=…, a number of devices": "n_jobs",
}


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """Return "; did you mean 'adam'?" for a name that is not one of ``choices``, or "" if none is similar."""
    near = nearest(value, choices)
    return f"; did you mean {near!r}?" if near else ""


def nearest(value: object, choices: Iterable[str]) -> str | None:
    """Return the choice that a name most likely means, ignoring case and hyphens, or None."""
    if not isinstance(value, str):
        return None
    name = _plain(value)
    names = {_plain(choice): choice for choice in choices}
    meant = [here for here, words in MEANT.items() if name in words.split() and here in names]
    begun = [other for other in names if len(name) > 2 and other.startswith(name)]
    near = meant or begun or difflib.get_close_matches(name, names, 1, NEAR)
    return names[near[0]] if near else None


def keyword_choices(parameters: Iterable[str]) -> list[str]:
    """Return the choices for an unknown keyword: a function's parameters, and objects that may take it."""
    there = list(parameters)
    return [*there, *(here for here in MEANT if "=" in here and here.partition("=")[0] in there)]


def _plain(name: str) -> str:
    return name if "=" in name else name.lower().lstrip("-").replace("-", "_").replace(" ", "_")
