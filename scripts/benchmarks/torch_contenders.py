"""The same networks in PyTorch, on a GPU where there is one."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers import Outcome
from benchmarks.workloads import Workload

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


class _Problem:
    """The data on the device, and what all three ways share."""

    def __init__(self, workload: Workload):
        self.workload, self.rows = workload, workload.rows()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.binary = workload.sizes[-1] == 1
        self.x, self.x_test = (self.tensor(x) for x in (self.rows.x_train, self.rows.x_test))
        labels = torch.float32 if self.binary else torch.int64
        self.y, self.y_test = (self.tensor(y, labels) for y in (self.rows.y_train, self.rows.y_test))
        self.network = self._network()
        self.steps = workload.epochs * workload.steps()

    def tensor(self, values, dtype=torch.float32):
        return torch.as_tensor(values, dtype=dtype, device=self.device)

    def _network(self) -> nn.Sequential:
        modules: list[nn.Module] = []
        for n_in, n_out in self.workload.layers():
            modules += [nn.Linear(n_in, n_out), ACTIVATIONS[self.workload.activation]()]
        return nn.Sequential(*modules[:-1]).to(self.device)

    def start(self, seed: int):
        """Starting parameters by their names in the network, and minibatches as a list of row numbers."""
        start, batches = self.workload.stream(seed, self.rows)
        names = [name for name, _ in self.network.named_parameters()]
        params = {name: self.tensor(leaf.T) for name, leaf in zip(names, start, strict=True)}
        if batches is None:
            return params, [slice(None)] * self.steps
        return params, list(self.tensor(batches.reshape(self.steps, -1), torch.int64))

    def cost(self, logits, y):
        if self.binary:
            return functional.binary_cross_entropy_with_logits(logits.squeeze(-1), y, reduction="sum")
        return functional.cross_entropy(logits, y, reduction="sum")

    def scores(self, logits_of):
        """Accuracies on the training and on the test rows; leading axes of the logits are kept."""
        found = []
        for x, y in ((self.x, self.y), (self.x_test, self.y_test)):
            logits = logits_of(x)
            predicted = logits.squeeze(-1) > 0 if self.binary else logits.argmax(-1)
            found.append((predicted == y).float().mean(-1).cpu().numpy())
        return found


def loop(workload: Workload):
    """A training loop for each network: `nn.Sequential`, `torch.optim.SGD`, weight decay on weights alone."""
    problem = _Problem(workload)

    def train(member):
        start, batches = problem.start(member.seed)
        network = problem._network()
        network.load_state_dict(start)
        weights = [p for p in network.parameters() if p.ndim > 1]
        biases = [p for p in network.parameters() if p.ndim == 1]
        groups = [{"params": weights, "weight_decay": member.l2}, {"params": biases}]
        optimizer = torch.optim.SGD(groups, lr=member.learning_rate)
        for rows in batches:
            optimizer.zero_grad()
            problem.cost(network(problem.x[rows]), problem.y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            return problem.scores(network)[1]

    return lambda: Outcome(np.reshape([train(member) for member in workload.member_list()], workload.shape))


def vmap(workload: Workload, compile_step: bool = False):
    """All networks of a seed at once: `torch.func.vmap` of `torch.func.grad`, the minibatch shared."""
    problem = _Problem(workload)

    def objective(params, l2, x, y):
        logits = torch.func.functional_call(problem.network, params, (x,))
        penalty = sum((p**2).sum() for name, p in params.items() if name.endswith("weight"))
        return problem.cost(logits, y) + 0.5 * l2 * penalty

    gradient = torch.func.vmap(torch.func.grad(objective), in_dims=(0, 0, None, None))

    def step(params, rates, l2s, x, y):
        gradients = gradient(params, l2s, x, y)
        return {name: p - rates.view(-1, *[1] * (p.ndim - 1)) * gradients[name] for name, p in params.items()}

    if compile_step:
        step = torch.compile(step)
    rates, l2s = (
        problem.tensor(values.ravel())
        for values in np.meshgrid(workload.learning_rates, workload.l2s, indexing="ij")
    )

    def outputs(params, x):
        return torch.func.functional_call(problem.network, params, (x,))

    @torch.no_grad()
    def train(seed):
        start, batches = problem.start(seed)
        params = {name: p.expand(len(rates), *p.shape).contiguous() for name, p in start.items()}
        for rows in batches:
            params = step(params, rates, l2s, problem.x[rows], problem.y[rows])
        all_outputs = torch.func.vmap(outputs, in_dims=(0, None))
        return problem.scores(functools.partial(all_outputs, params))[1]

    def run():
        scores = [train(seed) for seed in range(workload.seeds)]
        return Outcome(np.stack(scores, axis=-1).reshape(workload.shape))

    return run


def compiled(workload: Workload):
    """`vmap` with its step through `torch.compile`."""
    return vmap(workload, compile_step=True)
