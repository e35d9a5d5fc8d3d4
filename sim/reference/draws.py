"""The simulator's random numbers, slow and obvious: SplitMix64 over (seed, car, episode), as in the native core."""

from __future__ import annotations

from dataclasses import dataclass

_MASK = 2**64 - 1


def scramble(z: int) -> int:
    """The finaliser of SplitMix64."""
    z = (z + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


@dataclass
class Draws:
    """A stream of numbers of its own for each (seed, car, episode)."""

    state: int

    @classmethod
    def of(cls, seed: int, car: int, episode: int) -> Draws:
        """The stream at its beginning."""
        return cls(scramble(scramble(scramble(seed) ^ car) ^ episode))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Evenly from low to less than high, with 53 bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        return low + (high - low) * ((scramble(self.state) >> 11) * 2.0**-53)
