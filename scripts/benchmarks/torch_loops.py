"""Train the same networks in PyTorch, on a GPU if available."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.workload import Member, Outcome, Runner, Workload

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
Params = dict[str, torch.Tensor]


class _Problem:
    """Data on the device, and functions shared by all three ways."""

    def __init__(self, workload: Workload):
        self.workload = workload
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.binary = workload.sizes[-1] == 1
        labels = torch.float32 if self.binary else torch.int64
        x, y, x_test, y_test = workload.rows()
        self.x = self.tensor(x)
        self.y = self.tensor(y, labels)
        self.x_test = self.tensor(x_test)
        self.y_test = self.tensor(y_test, labels)
        self.network = self.make_network()

    def tensor(self, values: np.ndarray, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.as_tensor(values, dtype=dtype, device=self.device)

    def make_network(self) -> nn.Sequential:
        modules: list[nn.Module] = []
        for n_in, n_out in self.workload.layer_shapes():
            modules += [nn.Linear(n_in, n_out), ACTIVATIONS[self.workload.activation]()]
        return nn.Sequential(*modules[:-1]).to(self.device)

    def start(self, seed: int) -> tuple[Params, list[Any]]:
        """Return initial parameters by name, and the row numbers of each step."""
        layers, batches = self.workload.replicate(seed)
        names = [name for name, _ in self.network.named_parameters()]
        leaves = [self.tensor(leaf.T) for layer in layers for leaf in layer]
        params = dict(zip(names, leaves, strict=True))
        steps = self.workload.epochs * self.workload.steps()
        if batches is None:
            return params, [slice(None)] * steps
        return params, list(self.tensor(batches.reshape(steps, -1), torch.int64))

    def cost(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.binary:
            return functional.binary_cross_entropy_with_logits(logits.squeeze(-1), y, reduction="sum")
        return functional.cross_entropy(logits, y, reduction="sum")

    def test_accuracy(self, outputs: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        """Return the accuracy on the test rows after scoring all rows; keeps leading axes of the logits."""
        for x, y in ((self.x, self.y), (self.x_test, self.y_test)):
            logits = outputs(x)
            predicted = logits.squeeze(-1) > 0 if self.binary else logits.argmax(-1)
            accuracy = (predicted == y).float().mean(-1).cpu().numpy()
        return np.asarray(accuracy)


def decaying(network: nn.Module, l2: float) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer that decays only the weights."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    biases = [p for p in network.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": l2}, {"params": biases}]


def loop(workload: Workload) -> Runner:
    """Run a loop per network: `nn.Sequential`, `torch.optim.SGD`, weight decay on the weights only."""
    problem = _Problem(workload)

    def train(member: Member) -> np.ndarray:
        start, batches = problem.start(member.seed)
        network = problem.make_network()
        network.load_state_dict(start)
        optimizer = torch.optim.SGD(decaying(network, member.l2), lr=member.learning_rate)
        for rows in batches:
            optimizer.zero_grad()
            torch.autograd.backward(problem.cost(network(problem.x[rows]), problem.y[rows]))
            optimizer.step()
        with torch.no_grad():
            return problem.test_accuracy(network)

    return lambda: Outcome(np.reshape([train(m) for m in workload.member_list()], workload.shape))


def vmap(workload: Workload, compiled: bool = False) -> Runner:
    """Train all networks of a seed at once: `torch.func.vmap` of `torch.func.grad`, shared minibatch."""
    problem = _Problem(workload)
    rates, l2s = map(problem.tensor, workload.cells())

    def outputs(params: Params, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = torch.func.functional_call(problem.network, params, (x,))
        return logits

    def objective(params: Params, l2: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        penalty = sum((p**2).sum() for name, p in params.items() if name.endswith("weight"))
        return problem.cost(outputs(params, x), y) + 0.5 * l2 * penalty

    gradient = torch.func.vmap(torch.func.grad(objective), in_dims=(0, 0, None, None))

    def step(params: Params, x: torch.Tensor, y: torch.Tensor) -> Params:
        gradients = gradient(params, l2s, x, y)
        return {name: p - rates.view(-1, *[1] * (p.ndim - 1)) * gradients[name] for name, p in params.items()}

    one_step = torch.compile(step) if compiled else step
    all_outputs = torch.func.vmap(outputs, in_dims=(0, None))

    def train(seed: int) -> np.ndarray:
        start, batches = problem.start(seed)
        params = {name: p.expand(len(rates), *p.shape).contiguous() for name, p in start.items()}
        for rows in batches:
            params = one_step(params, problem.x[rows], problem.y[rows])
        return problem.test_accuracy(functools.partial(all_outputs, params))

    def run() -> Outcome:
        with torch.no_grad():
            scores = [train(seed) for seed in range(workload.seeds)]
        return Outcome(np.stack(scores, axis=-1).reshape(workload.shape))

    return run
