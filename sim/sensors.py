"""What a car can see with, and the networks that turn it into actions. Names are those of model_metadata.json."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SensorKind(StrEnum):
    """Sensors that exclude each other: a car carries at most one of each kind."""

    VECTOR = "vector"
    LIDAR = "lidar"
    CAMERA = "camera"


@dataclass(frozen=True)
class Sensor:
    """One sensor: its name in files, what it measures, and whether this simulator can train on it."""

    name: str
    title: str
    kind: SensorKind
    shape: tuple[int, ...]
    trainable: bool
    description: str


@dataclass(frozen=True)
class Network:
    """One policy network: its name in files, the kinds of sensor it is for, and its layers.

    What each sensor's tower gives stands side by side and goes through the layers `dense`. A camera's tower has
    convolutions (filters, kernel, stride; none leaves the picture) and layers `camera_dense`; a pair of cameras may
    have convolutions of its own and no such layers. A LIDAR's tower has the layers `lidar_dense`. `activation` stands
    behind each of them.
    """

    name: str
    title: str
    kinds: frozenset[SensorKind]
    trainable: bool
    description: str
    dense: tuple[int, ...]
    activation: str
    convolutions: tuple[tuple[int, int, int], ...] = ()
    stereo_convolutions: tuple[tuple[int, int, int], ...] = ()
    camera_dense: tuple[int, ...] = ()
    lidar_dense: tuple[int, ...] = ()
    known_as: str = ""
    """The name by which the physical car knows the like of it; empty: its own."""

    @property
    def real_name(self) -> str:
        """The name in a model_metadata.json that is not Paddock's own."""
        return self.known_as or self.name


# Figures of the real sensors: SimApp 6 and its car description; the console's pages where they say the same.
TRACK_FEATURES = Sensor(
    "PADDOCK_TRACK_VECTOR",
    "Track vector",
    SensorKind.VECTOR,
    (),
    True,
    "Where the car is on the track and how the road bends ahead, as numbers. Learns fastest, but is blind to boxes, "
    "bots and other cars; no real car has it.",
)
LIDAR = Sensor(
    "LIDAR",
    "LIDAR",
    SensorKind.LIDAR,
    (64,),
    True,
    "64 beams over 300°, from 0.15 m to 1 m: how far borders and objects are.",
)
SECTOR_LIDAR = Sensor(
    "SECTOR_LIDAR",
    "LIDAR, 8 sectors",
    SensorKind.LIDAR,
    (8,),
    True,
    "For each of 8 sectors, whether a border or an object is nearer than 0.5 m.",
)
DISCRETIZED_SECTOR_LIDAR = Sensor(
    "DISCRETIZED_SECTOR_LIDAR",
    "LIDAR, 8 sectors in 8 steps",
    SensorKind.LIDAR,
    (64,),
    True,
    "For each of 8 sectors, in which of 8 steps up to 2 m a border or an object is.",
)
FRONT_FACING_CAMERA = Sensor(
    "FRONT_FACING_CAMERA",
    "Camera",
    SensorKind.CAMERA,
    (120, 160, 1),
    True,
    "One grey picture, 160 by 120, 15 times a second: 64.7° wide, 15° down, 0.13 m above the road.",
)
STEREO_CAMERAS = Sensor(
    "STEREO_CAMERAS",
    "Stereo cameras",
    SensorKind.CAMERA,
    (120, 160, 2),
    True,
    "Two grey pictures, 160 by 120, from lenses 6 cm apart.",
)
PADDOCK_CAMERA_40X30 = Sensor(
    "PADDOCK_CAMERA_40X30",
    "Camera, small",
    SensorKind.CAMERA,
    (30, 40, 1),
    True,
    "The camera's picture pooled to 40 by 30: learns several times faster. No real car has it, but any can make it.",
)

SENSORS: dict[str, Sensor] = {
    sensor.name: sensor
    for sensor in (
        TRACK_FEATURES,
        LIDAR,
        SECTOR_LIDAR,
        DISCRETIZED_SECTOR_LIDAR,
        FRONT_FACING_CAMERA,
        STEREO_CAMERAS,
        PADDOCK_CAMERA_40X30,
    )
}

_DENSE = frozenset({SensorKind.VECTOR, SensorKind.LIDAR})
_CAMERA = frozenset({SensorKind.CAMERA, SensorKind.LIDAR})

PADDOCK_SMALL = Network(
    "PADDOCK_SMALL",
    "Small",
    _DENSE,
    True,
    "Two layers of 64: quick to train, quick to drive.",
    (64, 64),
    "tanh",
)
LIDAR_DENSE = Network(
    "LIDAR",
    "Wide",
    _DENSE,
    True,
    "Two layers of 256, as the real car has them behind its LIDAR.",
    (256, 256),
    "relu",
)
PADDOCK_CAMERA = Network(
    "PADDOCK_CAMERA",
    "Small CNN",
    _CAMERA,
    True,
    "Convolutions 8/4/2 and 16/3/2 (filters, kernel, stride) and a layer of 64: for the small picture, a hundredth of "
    "the work of the 3-layer CNN.",
    (64,),
    "relu",
    convolutions=((8, 4, 2), (16, 3, 2)),
    lidar_dense=(64,),
    known_as="DEEP_CONVOLUTIONAL_NETWORK_SHALLOW",
)

# SimApp's markov/sensors/utils.py and architecture/custom_architectures.py. Its lists name batch normalisation and tanh
# beside the deeper two, but agents/utils.py builds all of them by the plain scheme with a rectifier behind each layer.
SHALLOW_CNN = Network(
    "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW",
    "3-layer CNN",
    _CAMERA,
    True,
    "Convolutions 32/8/4, 64/4/2, 64/3/1 (filters, kernel, stride) with rectifiers.",
    (512,),
    "relu",
    convolutions=((32, 8, 4), (64, 4, 2), (64, 3, 1)),
    lidar_dense=(256, 256),
)
_STEREO = ((32, 3, 1), (64, 3, 2), (64, 3, 1), (128, 3, 2), (128, 3, 1))
MIDDLE_CNN = Network(
    "DEEP_CONVOLUTIONAL_NETWORK",
    "5-layer CNN",
    _CAMERA,
    True,
    "Convolutions 32/5/2, 32/3/1, 64/3/2, 64/3/1 and a layer of 64.",
    (512,),
    "relu",
    convolutions=((32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1)),
    stereo_convolutions=_STEREO,
    camera_dense=(64,),
    lidar_dense=(256, 256),
)
CONSOLE_MIDDLE_CNN = Network(
    "PADDOCK_CONSOLE_5_LAYERS",
    "5-layer CNN of the console",
    _CAMERA,
    True,
    "The 5-layer CNN as the console built it for one camera: its layer of 64 looks at each place of the picture by "
    "itself, which makes 29 million numbers and each round of learning slow. What models imported from there have.",
    (512,),
    "relu",
    convolutions=((32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1), (64, 1, 1)),
    stereo_convolutions=_STEREO,
    lidar_dense=(256, 256),
    known_as="DEEP_CONVOLUTIONAL_NETWORK",
)
DEEP_CNN = Network(
    "DEEP_CONVOLUTIONAL_NETWORK_DEEP",
    "Deep CNN",
    _CAMERA,
    True,
    "Convolutions 32/8/4, 32/4/2, 64/4/2, 64/3/1 and two layers of 512.",
    (256, 128),
    "relu",
    convolutions=((32, 8, 4), (32, 4, 2), (64, 4, 2), (64, 3, 1)),
    stereo_convolutions=_STEREO,
    camera_dense=(512, 512),
    lidar_dense=(256, 256),
)

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (PADDOCK_SMALL, LIDAR_DENSE, PADDOCK_CAMERA, SHALLOW_CNN, MIDDLE_CNN, CONSOLE_MIDDLE_CNN, DEEP_CNN)
}


def trainable_sensors() -> tuple[Sensor, ...]:
    """The sensors that this simulator can train on, for forms."""
    return tuple(sensor for sensor in SENSORS.values() if sensor.trainable)


def trainable_networks() -> tuple[Network, ...]:
    """The networks that this simulator can train, for forms."""
    return tuple(network for network in NETWORKS.values() if network.trainable)
