"""CMA-ES: looks for the numbers with the highest score by drawing many around a mean, and moves mean and spread towards
the best of them.

Source: Hansen 2016, "The CMA evolution strategy: a tutorial" (arXiv 1604.00772), with its default settings and
only positive weights: some sixty lines that a benchmark alone needs. Matrices are torch's, with one thread: NumPy's
library takes two for them, which on a busy machine wait for each other for most of the time.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Evolution:
    """A normal distribution over (n,) numbers; `ask` draws candidates, `tell` learns from their scores."""

    def __init__(self, mean: Numbers, scales: Numbers, sigma: float, candidates: int, seed: int) -> None:
        """`scales` (n,): how far each number sensibly moves, in its own unit; `sigma`: the first spread in these."""
        torch.set_num_threads(1)
        self.rng = np.random.default_rng(seed)
        self.origin, self.scales, self.sigma = mean.copy(), scales, sigma
        n, self.candidates, parents = len(mean), candidates, candidates // 2
        self.size = n
        weights = np.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
        self.weights = weights / weights.sum()
        worth = 1.0 / float((self.weights**2).sum())  # mu_eff
        self.worth = worth
        self.path_rate = (4 + worth / n) / (n + 4 + 2 * worth / n)  # c_c
        self.step_rate = (worth + 2) / (n + worth + 5)  # c_sigma
        self.one_rate = 2 / ((n + 1.3) ** 2 + worth)  # c_1
        self.many_rate = min(1 - self.one_rate, 2 * (worth - 2 + 1 / worth) / ((n + 2) ** 2 + worth))  # c_mu
        self.damping = 1 + 2 * max(0.0, np.sqrt((worth - 1) / (n + 1)) - 1) + self.step_rate
        self.usual_length = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        self.mean, self.path, self.step_path = np.zeros(n), np.zeros(n), np.zeros(n)
        self.covariance = torch.eye(n, dtype=torch.float64)
        self.axes, self.lengths = torch.eye(n, dtype=torch.float64), np.ones(n)
        self.generation, self.decomposed = 0, 0

    def ask(self) -> Numbers:
        """(candidates, n) in their own units."""
        drawn = self.rng.standard_normal((self.candidates, self.size)) * self.lengths
        steps = (torch.from_numpy(drawn) @ self.axes.T).numpy()
        self.drawn = steps
        return self.origin + (self.mean + self.sigma * steps) * self.scales

    def centre(self) -> Numbers:
        """(n,) the mean, in their own units."""
        return self.origin + self.mean * self.scales

    def tell(self, scores: Numbers) -> None:
        """Scores (candidates,) of what `ask` gave last, higher is better."""
        best = self.drawn[np.argsort(-scores, kind="stable")[: len(self.weights)]]
        moved = (self.weights[:, None] * best).sum(0)
        self.mean = self.mean + self.sigma * moved
        self.generation += 1
        axes = self.axes
        whitened = (axes @ ((axes.T @ torch.from_numpy(moved)) / torch.from_numpy(self.lengths))).numpy()
        self.step_path *= 1 - self.step_rate
        self.step_path += np.sqrt(self.step_rate * (2 - self.step_rate) * self.worth) * whitened
        length = float(np.linalg.norm(self.step_path))
        settled = np.sqrt(1 - (1 - self.step_rate) ** (2 * self.generation))
        calm = length / settled < (1.4 + 2 / (self.size + 1)) * self.usual_length
        self.path *= 1 - self.path_rate
        if calm:
            self.path += np.sqrt(self.path_rate * (2 - self.path_rate) * self.worth) * moved
        lost = 0.0 if calm else self.one_rate * self.path_rate * (2 - self.path_rate)
        self.covariance *= 1 - self.one_rate - self.many_rate + lost
        path, weighted = torch.from_numpy(self.path), torch.from_numpy(self.weights[:, None] * best)
        self.covariance += self.one_rate * torch.outer(path, path)
        self.covariance += self.many_rate * (weighted.T @ torch.from_numpy(best))
        self.sigma *= float(np.exp(self.step_rate / self.damping * (length / self.usual_length - 1)))
        if (self.generation - self.decomposed) * (self.one_rate + self.many_rate) * self.size > 0.1:
            self._decompose()

    def _decompose(self) -> None:
        self.decomposed = self.generation
        self.covariance = 0.5 * (self.covariance + self.covariance.T)
        squares, self.axes = torch.linalg.eigh(self.covariance)
        self.lengths = np.sqrt(np.maximum(squares.numpy(), 1e-20))
