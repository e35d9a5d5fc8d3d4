"""A drive that never changes, and the fingerprint of everything the core says during it.

    PYTHONPATH=. python tests/sim/fixed_drive.py --core MODULE --cars 7 --threads 2

prints one SHA-256 for each part, over the first KEPT cars; with every build of the core the same. With --record they
are written to fingerprints.json beside this file, which every machine that runs the tests compares itself with. Nothing
here comes out of another library's sine, exponential or normal distribution: these differ by a bit between machines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.track import Track

RECORDED = Path(__file__).with_name("fingerprints.json")
"""The simulator's version, and what each part came to when it was recorded."""
FINEST_M = 2.0**-20
"""Tracks are rounded to this: NumPy's sine, which draws them, has another last bit on other processors."""
KEPT = 5
"""Cars whose numbers count, so that worlds of different sizes can be compared."""
MOST = 64
STEPS = 90


def fingerprints(cars: int, threads: int) -> dict[str, str]:
    """Of each part, with worlds of so many cars and threads."""
    return {name: part(cars, threads) for name, part in PARTS.items()}


def _maths(cars: int, threads: int) -> str:
    from sim.native import _core

    digest = hashlib.sha256()
    for k in range(-4000, 4000):
        x = 0.0137 * k
        values = (_core.sin(x), _core.cos(x), _core.exp(0.1 * x), _core.atan2(x, 1.7), _core.log(abs(x) + 0.01))
        digest.update(" ".join(value.hex() for value in (*values, _core.tanh_f(0.1 * x))).encode())
    return digest.hexdigest()


def _vector(cars: int, threads: int) -> str:
    return _driven(cars, threads)


def _lidar(cars: int, threads: int) -> str:
    return _driven(cars, threads, lidar=True, lidar_noise_m=0.01)


def _boxes(cars: int, threads: int) -> str:
    from sim.objects import Boxes

    return _driven(cars, threads, objects=Boxes(3, minimum_gap_m=0.5), lidar=True, lidar_walls=False)


def _bots(cars: int, threads: int) -> str:
    from sim.objects import Bots

    return _driven(cars, threads, objects=Bots(2, random=True, minimum_gap_m=0.5), lidar=True)


def _cameras(cars: int, threads: int) -> str:
    """The camera with everything randomised among boxes, two of them, and the small one."""
    from sim.camera import PADDOCK_CAMERA_40X30, STEREO_CAMERAS, Camera
    from sim.objects import Boxes
    from sim.randomisation import SIM_TO_REAL

    boxes = Boxes(2, minimum_gap_m=0.5)
    pictures = [
        _driven(cars, threads, camera=Camera(look="arena"), randomisation=SIM_TO_REAL, objects=boxes),
        _driven(cars, threads, camera=Camera(STEREO_CAMERAS.name)),
        _driven(cars, threads, camera=Camera(PADDOCK_CAMERA_40X30.name), others="absent"),
    ]
    return hashlib.sha256(" ".join(pictures).encode()).hexdigest()


def _company(cars: int, threads: int) -> str:
    """Cars that run into each other: as many as always, since each changes what the others meet."""
    return _driven(KEPT, threads, others="solid", lidar=True)


def _driven(cars: int, threads: int, **settings: object) -> str:
    """Wild steering on a circuit and an open track, in training and in a race with resets: every array, every step."""
    import numpy as np

    from sim.episode import EpisodeRules
    from sim.world import World
    from tests.sim.ovals import hairpin, wave

    digest = hashlib.sha256()
    training = EpisodeRules(start="random", maximum_steps=50)
    race = EpisodeRules.racing(laps=2, off_track_penalty_s=0.4, maximum_steps=80)
    for track in (_rounded(hairpin()), _rounded(wave())):
        for rules in (training, race):
            world = World(track, cars, seed=12, rules=rules, threads=threads, **settings)  # type: ignore[arg-type]
            arrays = [
                world.features,
                world.lidar,
                world.camera,
                world.reward_states,
                world.pose,
                world.status,
                world.lap,
            ]
            random = np.random.default_rng(6)
            for _ in range(STEPS):
                actions = random.uniform([-40.0, 0.2], [40.0, 4.2], (MOST, 2))[:cars]
                world.step(np.ascontiguousarray(actions))
                for array in arrays:
                    digest.update(array[:KEPT].tobytes())
    return digest.hexdigest()


def _rounded(track: Track) -> Track:
    """The same to a millionth of a metre, and the same bits everywhere."""
    from dataclasses import replace

    lines = {name: (getattr(track, name) / FINEST_M).round() * FINEST_M for name in ("centre", "inner", "outer")}
    return replace(track, **lines)


def _policy(cars: int, threads: int) -> str:
    """A dense network, and one that sees pictures through convolutions and pooling."""
    import numpy as np

    from sim.layers import Convolution, Dense, Numbers, Picture, Pooling, Tower
    from sim.policy import Policy

    random = np.random.default_rng(3)

    def array(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return random.uniform(-0.5, 0.5, shape).astype(np.float32)

    dense = [Dense(array(64, 27), array(64), "tanh"), Dense(array(5, 64), array(5))]
    eye = [
        Convolution(array(8, 1, 5, 5), array(8), 2, "same", "relu"),
        Pooling("average", 2, 2),
        Convolution(array(16, 8, 3, 3), array(16), 1, "valid", "tanh"),
        Pooling("maximum", 2, 2),
    ]
    nets = (
        Policy([Tower(Numbers(27), dense)]),
        Policy([Tower(Picture(30, 40), eye)], [Dense(array(3, 128), array(3))]),
    )
    seen = (
        random.uniform(-2.0, 2.0, (MOST, 27)).astype(np.float32),
        random.integers(0, 256, (MOST, 30, 40)).astype(np.uint8),
    )
    digest = hashlib.sha256()
    for policy, observations in zip(nets, seen, strict=True):
        out = policy.forward(np.ascontiguousarray(observations[:cars]), threads=threads)
        digest.update(out[:KEPT].tobytes())
    return digest.hexdigest()


def _evaluation(cars: int, threads: int) -> str:
    """What `paddock evaluate` prints for a model that steers after the centre line."""
    import tempfile

    from sim.episode import EpisodeRules
    from sim.evaluation import evaluate
    from sim.track import Direction
    from tests.sim.models import write_model
    from tests.sim.ovals import oval

    with tempfile.TemporaryDirectory() as folder:
        track = _rounded(oval())
        model = write_model(Path(folder), track)
        rules = EpisodeRules.racing(laps=2)
        return evaluate(model, track, direction=Direction.CLOCKWISE, rules=rules, seed=3).fingerprint


PARTS: dict[str, Callable[[int, int], str]] = {
    "maths": _maths,
    "vector": _vector,
    "lidar": _lidar,
    "boxes": _boxes,
    "bots": _bots,
    "cameras": _cameras,
    "company": _company,
    "policy": _policy,
    "evaluation": _evaluation,
}
"""From cars and threads to a fingerprint."""


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=Path, help="another build of the core than the installed one")
    parser.add_argument("--cars", type=int, default=KEPT)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="write them down as those of this simulator's version")
    chosen = parser.parse_args()
    if chosen.core:
        from tests.sim.other_core import use

        use(chosen.core)
    found = fingerprints(chosen.cars, chosen.threads)
    if chosen.record:
        from sim import SIMULATOR_VERSION

        RECORDED.write_text(json.dumps({"simulator_version": SIMULATOR_VERSION, "parts": found}, indent=2) + "\n")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main()
