"""Slow, obviously right twins of the samplers: exact fractions, lists of single answers, whole arrays of rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


LARGEST_MEAN = 10  # of counts found by inversion


class NotInvertedError(ValueError):
    """The count comes from a rejection, or which outcome is the rarer one is left to rounding."""


def binomial_of_uniform(uniform: float, trials: int, chance: float) -> int:
    """Quantile of Bin(trials, chance) at a uniform number, in exact fractions; of the failures if chance > 1/2."""
    rare = min(Fraction(chance), 1 - Fraction(chance))
    count, below = 0, (1 - rare) ** trials
    while Fraction(uniform) >= below and count < trials:
        count += 1
        below += math.comb(trials, count) * rare**count * (1 - rare) ** (trials - count)
    return trials - count if chance > 0.5 else count


def drawn(rng: np.random.Generator, trials: int, chance: float) -> int:
    """A binomial count; a number of the stream is used only where something is left to chance."""
    if trials == 0 or chance in (0.0, 1.0):
        return trials if chance == 1.0 else 0
    if abs(chance - 0.5) < 1e-12 or trials * min(chance, 1 - chance) > LARGEST_MEAN:
        raise NotInvertedError(chance)
    return binomial_of_uniform(rng.random(), trials, chance)


def shared_out(rng: np.random.Generator, answers: int, masses: Array) -> list[int]:
    """The pattern of each answer, by binomial shares of what is left."""
    patterns: list[int] = []
    if answers == 0:
        return patterns
    for k in range(len(masses)):
        rest = masses[k:].sum()
        if rest == 0.0:
            break
        share = 1.0 if not masses[k + 1 :].any() else masses[k] / rest
        patterns += [k] * drawn(rng, answers - len(patterns), share)
    return patterns


def seeded(rng: np.random.Generator) -> np.random.Generator:
    """NumPy's own SFC64 from the words that seed the kernels'."""
    return np.random.Generator(np.random.SFC64(rng.integers(0, 2**64, size=4, dtype=np.uint64).tolist()))


def leading_bits(rng: np.random.Generator, draws: int) -> list[int]:
    """16 bits of each draw, four draws a word, its lowest bits first."""
    words = [int(word) for word in rng.bit_generator.random_raw(-(-draws // 4))]  # type: ignore[attr-defined]
    return [word >> shift & 65535 for word in words for shift in (0, 16, 32, 48)][:draws]


def cells_of_draws(rng: np.random.Generator, draws: int, ends: Sequence[float]) -> list[int]:
    """The cell of each draw, in exact fractions; those with the bits of an edge, in their order, draw what follows."""
    edges = [65536 * Fraction(end) / Fraction(ends[-1]) for end in ends[:-1]]
    bits = leading_bits(rng, draws)
    places = [Fraction(leading) for leading in bits]
    for i in sorted(range(draws), key=bits.__getitem__):
        if bits[i] in [min(int(edge), 65535) for edge in edges]:
            places[i] += Fraction(rng.random())
    return [sum(place >= edge for edge in edges) for place in places]


def single_answers(
    rng: np.random.Generator, answers: int, pi: Array, p: Array
) -> tuple[list[int], list[int]]:
    """Patterns of the right and of the wrong answers: right ones come first."""
    count = len(pi)
    cells = cells_of_draws(rng, answers, np.cumsum([*(pi * p), *(pi * (1 - p))]).tolist())
    return [cell for cell in cells if cell < count], [cell - count for cell in cells if cell >= count]


@dataclass(frozen=True)
class Training:
    """How a policy is trained: groups of answers, an advantage, a KL penalty."""

    step_size: float
    groups: int
    size: int
    advantage: str
    kl: float

    def advantages(self, rewards: Array, value: float) -> Array:
        """The advantage of each answer of a group, by definition."""
        size = len(rewards)
        if self.advantage == "value":
            return rewards - value
        if self.advantage == "none":
            return rewards
        if self.advantage == "rloo":
            return np.array([r - (rewards.sum() - r) / (size - 1) for r in rewards])
        centred = rewards - rewards.mean()
        if self.advantage == "mean" or rewards.min() == rewards.max():
            return centred
        return centred / np.std(rewards, ddof=int(self.advantage == "sample_std"))

    def policy(
        self, start: Sequence[float], rates: Sequence[float], steps: int, rng: np.random.Generator
    ) -> Array:
        """Policy after some steps, from lists of single answers."""
        reference, p = np.log(start), np.array(rates)
        theta = reference.copy()
        for _ in range(steps):
            pi = np.exp(theta) / np.exp(theta).sum()
            move = np.zeros_like(theta)
            for _ in range(self.groups):
                if self.size * (2 * len(pi) + 2) <= 900 * (2 * len(pi) - 1):
                    right, wrong = single_answers(rng, self.size, pi, p)
                    correct = len(right)
                else:
                    correct = drawn(rng, self.size, float(pi @ p))
                    is_idle = self.kl == 0 and self.advantage not in ("value", "none")
                    if is_idle and correct in (0, self.size):
                        continue
                    right = shared_out(rng, correct, pi * p)
                    needs_wrong = self.advantage != "none" or self.kl != 0
                    wrong = shared_out(rng, self.size - correct, pi * (1 - p)) if needs_wrong else []
                rewards = np.array([1.0] * correct + [0.0] * (self.size - correct))
                gains = self.advantages(rewards, float(pi @ p))
                for pattern, gain in zip(right + wrong, gains, strict=False):
                    penalty = self.kl * (math.log(pi[pattern]) - reference[pattern])
                    move += (gain - penalty) * (np.eye(len(pi))[pattern] - pi)
            theta = theta + self.step_size * move / (self.groups * self.size)
        return np.exp(theta) / np.exp(theta).sum()


def internal_feedback(rates: Array, *, is_learnable: bool) -> dict[str, float]:
    """Slope, gain and whether the worst pattern wins, for rates reflected to a mean of at least 1/2."""
    p = 1 - rates if rates.mean() < 0.5 else rates
    reward = -(np.log(p) + np.log(1 - p)) / 2
    slope = float(np.mean((reward - reward.mean()) * (p - p.mean())))
    if is_learnable:
        slope += float(np.mean(p * (1 - p) * (2 * p - 1)))
    return {"slope": slope, "gain": float(slope > 0), "worst": float(np.argmax(reward) == np.argmin(p))}


def token_policy(
    start: Sequence[float], rates: Sequence[float], wrong_answers: int, *, step_size: float, batch: int,
    steps: int, is_frozen: bool, rng: np.random.Generator,
) -> tuple[Array, Array]:  # fmt: skip
    """Policy and success rates of a table of contexts trained on sampled sequences."""
    table = {"question": np.log(start)}
    for k, p in enumerate(rates):
        table[f"pattern {k}"] = np.log([p] + [(1 - p) / wrong_answers] * wrong_answers)

    def chances(context: str) -> Array:
        return np.exp(table[context]) / np.exp(table[context]).sum()

    def token(probabilities: Array, uniform: float) -> int:
        return int(np.searchsorted(np.cumsum(probabilities)[:-1], uniform, side="right"))

    for _ in range(steps):
        before = {context: chances(context) for context in table}
        value = sum(w * before[f"pattern {k}"][0] for k, w in enumerate(before["question"]))
        moves = {context: np.zeros_like(logits) for context, logits in table.items()}
        for _ in range(batch):
            pattern = token(before["question"], rng.random())
            answer = token(before[f"pattern {pattern}"], rng.random())
            gain = (answer == 0) - value
            for context, chosen in (("question", pattern), (f"pattern {pattern}", answer)):
                moves[context] += gain * (np.eye(len(table[context]))[chosen] - before[context])
        for context, move in moves.items():
            if context == "question" or not is_frozen:
                table[context] = table[context] + step_size / batch * move
    return chances("question"), np.array([chances(f"pattern {k}")[0] for k in range(len(rates))])
