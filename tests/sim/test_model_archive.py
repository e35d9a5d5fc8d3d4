"""Archives of models that anybody may have made: each hostile kind is refused in a moment, and nothing is written."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from sim import archive_writer, model_archive, tar_stream
from sim.archive_writer import archive
from sim.model_archive import ArchivedModel, ModelError, read_archive
from sim.model_folder import BEST, LAST, ModelFolder, policy_file
from sim.objects import Boxes, objects_json
from sim.track_library import TrackLibrary
from sim.weights import fingerprint
from tests.sim.models import STEERING_CAR, steering_arrays, write_model

MEGABYTES = 150
"""More than an archive may unpack to."""
ZEROS = b"\0" * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model's folder, with logs."""
    path = write_model(tmp_path / "model", TrackLibrary().get("paddock-oval"))
    policy_file(path / LAST, steering_arrays(gain=1.0))
    for name in ("model/checkpoint.safetensors", "best-drive.json", "metrics/training/training-paddock.json"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"passed over")
    traces = path / "sim-trace/training/training-simtrace"
    traces.mkdir(parents=True)
    (traces / "12-iteration.csv").write_text("episode,steps\n")
    return path


def exported(folder: Path) -> bytes:
    return b"".join(archive(folder, "Swift"))


def read(data: bytes) -> ArchivedModel:
    return read_archive(io.BytesIO(data))


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {f"Swift/{path.relative_to(folder)}": path.read_bytes() for path in paths}


def tarred(files: dict[str, bytes], **changes: Any) -> bytes:
    """A .tar.gz of these files as Python makes it."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz", format=changes.pop("format", tarfile.USTAR_FORMAT)) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in changes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def with_member(
    folder: Path, name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", content: bytes = b""
) -> bytes:
    """The good archive with one member more, in front."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content)
    raw = member.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % 512)
    return gzip.compress(raw + gzip.decompress(exported(folder)))


def replaced(folder: Path, name: str, content: bytes) -> bytes:
    return tarred(files_of(folder) | {f"Swift/{name}": content})


def about(folder: Path, **changes: Any) -> bytes:
    said = json.loads((folder / "paddock.json").read_text())
    return replaced(folder, "paddock.json", json.dumps({**said, **changes}).encode())


# The round trip


def test_the_world_that_it_was_trained_in_comes_back(folder: Path, tmp_path: Path) -> None:
    boxes = Boxes(places=((0.2, 1), (0.7, -1)))
    trained = {"race": objects_json(boxes), "look": "night", "randomisation": "sim-to-real"}
    archived = read(about(folder, **trained))
    assert (archived.objects, archived.look, archived.randomisation) == (boxes, "night", "sim-to-real")
    archived.write(tmp_path / "again")
    said = json.loads((tmp_path / "again/paddock.json").read_text())
    assert {name: said[name] for name in trained} == json.loads(json.dumps(trained))


@pytest.mark.parametrize(
    "changes",
    [
        {"look": "moon"},
        {"look": ["night"]},
        {"randomisation": 1},
        {"race": "head-to-bot"},
        {"race": {"race_type": "object-avoidance", "count": 10**400}},
        {"race": {"race_type": "object-avoidance", "places": [[0.2]]}},
        {"race": {"race_type": "head-to-bot", "count": 3, "speed_mps": "fast"}},
        {"race": {"race_type": ["head-to-bot"]}},
    ],
)
def test_a_world_that_cannot_be_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"paddock\.json: (race cannot be|this Paddock has no)"):
        read(about(folder, **changes))


def test_an_exported_archive_comes_back_with_the_same_weights_and_no_logs(folder: Path, tmp_path: Path) -> None:
    archived = read(exported(folder))
    before = ModelFolder.read(folder)
    assert archived.name == "Swift"
    assert archived.weights == before.weights
    archived.write(tmp_path / "again")
    after = ModelFolder.read(tmp_path / "again")
    assert (after.weights, after.car, after.hyperparameters, after.reward_code) == (
        before.weights,
        before.car,
        before.hyperparameters,
        before.reward_code,
    )
    assert (after.track_name, after.track_fingerprint, after.direction, after.seed) == (
        before.track_name,
        before.track_fingerprint,
        before.direction,
        before.seed,
    )
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        assert after.arrays[name].tobytes() == array.tobytes()
    assert "race" not in json.loads((tmp_path / "again/paddock.json").read_text())
    written = {str(path.relative_to(tmp_path / "again")) for path in (tmp_path / "again").rglob("*") if path.is_file()}
    assert written == set(model_archive.READ)
    assert read(b"".join(archive(tmp_path / "again", "Swift"))).weights == before.weights


def test_temporary_files_of_a_folder_are_not_exported(folder: Path) -> None:
    (folder / "model" / ".best.safetensors.ab12.tmp").write_bytes(b"half")
    assert read(exported(folder)).name == "Swift"


def test_an_archive_with_extended_headers_for_times_is_read(folder: Path) -> None:
    data = tarred(files_of(folder), format=tarfile.PAX_FORMAT, mtime=1234.5)
    assert b"mtime=1234.5" in gzip.decompress(data)
    assert read(data).weights == ModelFolder.read(folder).weights


def test_the_last_policy_and_all_logs_may_be_missing(folder: Path) -> None:
    files = {
        name: content for name, content in files_of(folder).items() if name.removeprefix("Swift/") in model_archive.READ
    }
    del files[f"Swift/{LAST}"]
    assert read(tarred(files)).last is None


def test_the_last_policy_of_a_large_network_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_writer, "LARGEST_LAST_BYTES", (folder / LAST).stat().st_size)
    assert read(exported(folder)).last is not None
    monkeypatch.setattr(archive_writer, "LARGEST_LAST_BYTES", (folder / LAST).stat().st_size - 1)
    assert read(exported(folder)).last is None


# Hostile archives


def sparse(folder: Path) -> bytes:
    return with_member(folder, "Swift/reward_function.py", b"S", content=b"x" * 512)


def pax_bomb(folder: Path) -> bytes:
    """An extended header of 500 MB, of which a few are there."""
    member = tarfile.TarInfo("Swift/x")
    member.type, member.size = b"x", 500 * 1024**2
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(member.tobuf(tarfile.USTAR_FORMAT))]
    parts += [packer.compress(b"\0" * 1024**2) for _ in range(MEGABYTES)]
    return b"".join([*parts, packer.flush()])


def gzip_bomb(_folder: Path) -> bytes:
    """Megabytes of files that may be there, in a few kilobytes."""
    member = tarfile.TarInfo("Swift/model/checkpoint.safetensors")
    packer = zlib.compressobj(9, wbits=31)
    parts = []
    for number in range(1, model_archive.MOST_UNPACKED_BYTES // (2 * 1024**2) + 2):
        member.name, member.size = f"Swift/sim-trace/training/training-simtrace/{number}-iteration.csv", 2 * 1024**2
        parts.append(packer.compress(member.tobuf(tarfile.USTAR_FORMAT) + b"\0" * member.size))
    member.name, member.size = "Swift/best-drive.json", 0
    parts.append(packer.compress(member.tobuf(tarfile.USTAR_FORMAT)))
    parts += [packer.compress(b"\0" * 1024**2) for _ in range(MEGABYTES)]
    return b"".join([*parts, packer.flush()])


def pax_record(key: str, value: str) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        record = f" {key}={value}\n"
        length = len(record) + 2
        return with_member(folder, "Swift/PaxHeaders", b"x", content=f"{length}{record}".encode())

    return made


def bent(offset: int, field: bytes) -> Callable[[Path], bytes]:
    """The good archive with a field of its first header overwritten, and the checksum put right."""

    def made(folder: Path) -> bytes:
        raw = bytearray(gzip.decompress(exported(folder)))
        raw[offset : offset + len(field)] = field
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw[:512])
        return gzip.compress(bytes(raw))

    return made


def wrong_checksum(folder: Path) -> bytes:
    raw = bytearray(gzip.decompress(exported(folder)))
    raw[100] ^= 1
    return gzip.compress(bytes(raw))


def wrong_gzip_checksum(folder: Path) -> bytes:
    data = bytearray(exported(folder))
    data[-8] ^= 0xFF
    return bytes(data)


def many_members(_folder: Path) -> bytes:
    return tarred(
        {f"Swift/sim-trace/training/training-simtrace/{number}-iteration.csv": b"" for number in range(1, 5001)}
    )


def duplicate(folder: Path) -> bytes:
    return with_member(folder, "Swift/paddock.json", content=b"{}")


ARCHIVES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "path traversal": (lambda folder: with_member(folder, "../../etc/passwd"), "one folder"),
    "traversal inside": (lambda folder: with_member(folder, "Swift/../../x"), "no file of a model"),
    "absolute": (lambda folder: with_member(folder, "/etc/passwd"), "one folder"),
    "backslash": (lambda folder: with_member(folder, "Swift\\paddock.json"), "one folder"),
    "two folders": (lambda folder: with_member(folder, "Other/paddock.json"), "one folder"),
    "no folder": (lambda folder: with_member(folder, "paddock.json"), "no file of a model|one folder"),
    "unknown name": (lambda folder: with_member(folder, "Swift/run.sh"), "no file of a model"),
    "symlink": (lambda folder: with_member(folder, "Swift/paddock.json", b"2", link="/etc/passwd"), "a link"),
    "hard link": (lambda folder: with_member(folder, "Swift/paddock.json", b"1", link="/etc/passwd"), "a hard link"),
    "character device": (lambda folder: with_member(folder, "Swift/paddock.json", b"3"), "a device"),
    "block device": (lambda folder: with_member(folder, "Swift/paddock.json", b"4"), "a device"),
    "folder": (lambda folder: with_member(folder, "Swift/model", b"5"), "a folder"),
    "fifo": (lambda folder: with_member(folder, "Swift/paddock.json", b"6"), "a pipe"),
    "sparse": (sparse, "a sparse file"),
    "GNU long name": (lambda folder: with_member(folder, "././@LongLink", b"L", content=b"x"), "a long name"),
    "global header": (lambda folder: with_member(folder, "Swift/x", b"g", content=b"18 mtime=12345678\n"), "global"),
    "unknown kind": (lambda folder: with_member(folder, "Swift/paddock.json", b"Z"), "no file"),
    "PAX bomb": (pax_bomb, "extended header"),
    "PAX name": (pax_record("path", "Swift/../../etc/passwd"), "extended header"),
    "PAX size": (pax_record("size", "99999999999"), "extended header"),
    "PAX sparse": (pax_record("GNU.sparse.size", "9"), "extended header"),
    "gzip bomb": (gzip_bomb, "unpacks to more|Something follows"),
    "negative size": (bent(124, b"-0000000001\0"), "damaged"),
    "size in base 256": (bent(124, b"\x80" + b"\0" * 7 + b"\x7f\xff\xff\xff"), "damaged"),
    "lying size": (bent(124, b"00077777777\0"), "larger than it ever is"),
    "size beyond the end": (bent(124, b"00000177777\0"), "cut short|damaged|larger"),
    "NUL in the name": (bent(5, b"\0x"), "damaged"),
    "control character in the name": (bent(5, b"\x1b"), "damaged"),
    "wrong checksum": (wrong_checksum, "damaged"),
    "wrong gzip checksum": (wrong_gzip_checksum, "damaged"),
    "truncated": (lambda folder: exported(folder)[:-500], "cut short"),
    "truncated at the trailer": (lambda folder: exported(folder)[:-4], "cut short"),
    "truncated tar": (lambda folder: gzip.compress(gzip.decompress(exported(folder))[:2000]), "cut short"),
    "empty": (lambda _folder: b"", "cut short"),
    "empty tar": (lambda _folder: gzip.compress(ZEROS), "missing"),
    "something behind the tar": (
        lambda folder: gzip.compress(gzip.decompress(exported(folder)) + b"x" * 512),
        "follows",
    ),
    "something behind the gzip": (lambda folder: exported(folder) + b"x", "follows"),
    "a second gzip": (lambda folder: exported(folder) + gzip.compress(ZEROS), "follows"),
    "duplicate": (duplicate, "twice"),
    "5000 members": (many_members, "more files"),
    "not a tar": (lambda _folder: gzip.compress(b"hello " * 500), "damaged"),
    "not gzip": (lambda folder: gzip.decompress(exported(folder)), "no .tar.gz"),
    "bzip2": (lambda _folder: b"BZh91AY&SY" + b"\0" * 600, "no .tar.gz"),
    "zip": (lambda _folder: b"PK\x03\x04" + b"\0" * 600, "no .tar.gz"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_hostile_archive_is_refused_in_a_moment_without_eating_memory(folder: Path, kind: str) -> None:
    make, says = ARCHIVES[kind]
    data = make(folder)
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ModelError, match=says):
            read(data)
        taken_s, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * 1024**2
    assert taken_s < 20, "a bound for a slow machine with tracing on; it is far less"


# Hostile contents


def weights(folder: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The good archive with other arrays as the best policy, with a fingerprint that fits them."""
    arrays: dict[str, Any] = dict(steering_arrays())
    change(arrays)
    said = json.loads((folder / "paddock.json").read_text()) | {"fingerprint": fingerprint(arrays)}
    files = files_of(folder) | {
        "Swift/paddock.json": json.dumps(said).encode(),
        f"Swift/{BEST}": safetensors.numpy.save(arrays),
    }
    return tarred(files)


def header(change: Callable[[dict[str, Any]], object], body: bytes | None = None) -> Callable[[Path], bytes]:
    """The good archive with another header before the same numbers."""

    def made(folder: Path) -> bytes:
        data = (folder / BEST).read_bytes()
        size = int.from_bytes(data[:8], "little")
        said = json.loads(data[8 : 8 + size])
        change(said)
        packed = json.dumps(said).encode()
        rest = data[8 + size :] if body is None else body
        return replaced(folder, BEST, len(packed).to_bytes(8, "little") + packed + rest)

    return made


def shift(said: dict[str, Any]) -> None:
    begin, end = said["policy.0.bias"]["data_offsets"]
    said["policy.0.bias"]["data_offsets"] = [begin + 4, end + 4]


def not_a_number(arrays: dict[str, Any]) -> None:
    arrays["policy.1.weight"] = arrays["policy.1.weight"].copy()
    arrays["policy.1.weight"][3, 3] = np.nan


CONTENTS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "wrong version": (lambda folder: about(folder, format=2), "format 2; this Paddock reads format 1"),
    "true as the version": (lambda folder: about(folder, format=True), "format True"),
    "wrong shape": (
        lambda folder: weights(folder, lambda arrays: arrays.update({"policy.0.bias": np.zeros(65, np.float32)})),
        "not float32",
    ),
    "wrong kind": (
        lambda folder: weights(folder, lambda arrays: arrays.update({"policy.0.bias": np.zeros(64, np.float64)})),
        "not float32",
    ),
    "missing array": (lambda folder: weights(folder, lambda arrays: arrays.pop("policy.0.bias")), "does not fit"),
    "one array more": (
        lambda folder: weights(folder, lambda arrays: arrays.update({"policy.9.bias": np.zeros(1, np.float32)})),
        "does not fit",
    ),
    "NaN weights": (lambda folder: weights(folder, not_a_number), "no finite numbers"),
    "infinite weights": (
        lambda folder: weights(
            folder, lambda arrays: arrays.update({"policy.0.bias": np.full(64, np.inf, np.float32)})
        ),
        "no finite numbers",
    ),
    "other weights than named": (
        lambda folder: replaced(folder, BEST, safetensors.numpy.save(steering_arrays(gain=9.0))),
        "not the one that paddock.json names",
    ),
    "overlapping arrays": (header(shift), "overlap|cut short"),
    "arrays without their numbers": (header(lambda _said: None, b""), "cut short"),
    "negative offset": (header(lambda said: said["policy.0.bias"].update(data_offsets=[-256, 0])), "not float32"),
    "offsets that are no numbers": (
        header(lambda said: said["policy.0.bias"].update(data_offsets=["0", 1])),
        "not float32",
    ),
    "an array that is no object": (header(lambda said: said.update({"policy.0.bias": [1]})), "not float32"),
    "pickle inside": (lambda folder: replaced(folder, BEST, pickle.dumps({"a": 1}, protocol=4)), "no safetensors"),
    "pickle beside": (lambda folder: with_member(folder, "Swift/model/best.pkl", content=b"x"), "no file of a model"),
    "a header longer than the file": (
        lambda folder: replaced(folder, BEST, (10**15).to_bytes(8, "little") + b"{}"),
        "no safetensors",
    ),
    "huge JSON": (lambda folder: replaced(folder, "paddock.json", b" " * 70_000), "larger than it ever is"),
    "deep JSON": (lambda folder: replaced(folder, "paddock.json", b"[" * 30_000 + b"]" * 30_000), "nested too deeply"),
    "deep JSON behind a quote": (
        lambda folder: replaced(folder, "paddock.json", b'"' + b'\\"' * 30_000),
        "no plain JSON",
    ),
    "a name twice in JSON": (
        lambda folder: replaced(folder, "paddock.json", b'{"format": 1, "format": 1}'),
        "no plain JSON",
    ),
    "NaN in JSON": (lambda folder: replaced(folder, "paddock.json", b'{"format": NaN}'), "no plain JSON"),
    "an endless number in JSON": (
        lambda folder: replaced(folder, "paddock.json", b'{"format": ' + b"9" * 9000 + b"}"),
        "no plain JSON",
    ),
    "1e999 in JSON": (lambda folder: replaced(folder, "paddock.json", b'{"format": 1e999}'), "no plain JSON"),
    "JSON that is no object": (lambda folder: replaced(folder, "paddock.json", b"[1]"), "no JSON object"),
    "JSON that is no text": (lambda folder: replaced(folder, "paddock.json", b"\xff\xfe"), "no plain JSON"),
    "something unknown in paddock.json": (lambda folder: about(folder, owner="alice"), "too much"),
    "a seed that no column holds": (lambda folder: about(folder, seed=2**40), "seed cannot be"),
    "a track with a path": (
        lambda folder: about(folder, track={"name": "../../x", "fingerprint": "a" * 64, "length_m": 9.0}),
        "track cannot be",
    ),
    "a version that is markup": (lambda folder: about(folder, simulator_version="<b>"), "simulator_version cannot be"),
    "a direction that is a list": (lambda folder: about(folder, direction=["clockwise"]), "direction cannot be"),
    "other observations": (lambda folder: about(folder, observation=["x"]), "other observations"),
    "a car that cannot be": (
        lambda folder: replaced(folder, "model_metadata.json", b'{"sensor": ["X"], "action_space": []}'),
        "model_metadata.json: there is no sensor",
    ),
    "a car that this Paddock cannot train": (
        lambda folder: replaced(
            folder,
            "model_metadata.json",
            json.dumps(STEERING_CAR.to_metadata() | {"sensor": ["STEREO_CAMERAS"]}).encode(),
        ),
        "is not for Stereo cameras",
    ),
    "an index that is no number": (
        lambda folder: replaced(
            folder,
            "model_metadata.json",
            json.dumps(
                STEERING_CAR.to_metadata()
                | {
                    "action_space_type": "discrete",
                    "action_space": [{"steering_angle": 10**400, "speed": 1, "index": 0}],
                }
            ).encode(),
        ),
        "cannot be|is no number|out of range",
    ),
    "a hyperparameter too large": (
        lambda folder: replaced(folder, "ip/hyperparameters.json", b'{"lr": ' + b"9" * 400 + b"}"),
        "cannot be|out of range",
    ),
    "an unknown hyperparameter": (
        lambda folder: replaced(folder, "ip/hyperparameters.json", b'{"rocket": 1}'),
        "no hyperparameter",
    ),
    "code that is no text": (lambda folder: replaced(folder, "reward_function.py", b"\xff\xfe"), "UTF-8"),
    "code with NUL": (lambda folder: replaced(folder, "reward_function.py", b"x = 1\0"), "no code"),
    "code that is too long": (
        lambda folder: replaced(folder, "reward_function.py", b"#" * 70_000),
        "larger than it ever",
    ),
    "no weights": (
        lambda folder: tarred({name: content for name, content in files_of(folder).items() if not name.endswith(BEST)}),
        "missing",
    ),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_hostile_content_is_refused(folder: Path, kind: str) -> None:
    make, says = CONTENTS[kind]
    with pytest.raises(ModelError, match=says) as refused:
        read(make(folder))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_numbers_behind_the_arrays_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="overlap or leave gaps"):
        read(replaced(folder, BEST, (folder / BEST).read_bytes() + b"\0" * 4))


def test_the_code_of_an_archive_is_never_run(folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "run"
    code = f"open({str(trap)!r}, 'w')\ndef reward_function(params):\n    return 1.0\n"
    assert read(replaced(folder, "reward_function.py", code.encode())).reward_code == code
    assert not trap.exists()


def test_what_is_passed_over_is_bounded_too(folder: Path) -> None:
    with pytest.raises(ModelError, match="larger than it ever is"):
        read(replaced(folder, "best-drive.json", b" " * (2 * 1024**2)))


def test_a_source_that_drips_is_read_to_its_end(folder: Path) -> None:
    class Drip(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            return super().read(7)

    assert read_archive(Drip(exported(folder))).weights == ModelFolder.read(folder).weights


def test_every_cut_of_an_archive_is_refused(folder: Path) -> None:
    data = exported(folder)
    for length in range(0, len(data), 97):
        with pytest.raises(ModelError):
            read(data[:length])


def test_any_flipped_byte_is_refused_or_changes_nothing(folder: Path) -> None:
    """The checksum of gzip sees every one of them but those of its own header."""
    data, good = exported(folder), ModelFolder.read(folder).weights
    for place in range(0, len(data), 61):
        flipped = bytearray(data)
        flipped[place] ^= 0x55
        try:
            assert read(bytes(flipped)).weights == good
        except ModelError:
            continue


def test_headers_are_counted() -> None:
    assert 2 * (256 + 1 + len(model_archive.READ) + len(model_archive.PASSED_OVER)) <= tar_stream.MOST_HEADERS
