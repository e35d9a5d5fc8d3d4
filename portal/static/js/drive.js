// A drive as it is stored. The bytes are those of sim.trace.DriveTrace.

const HEADER_BYTES = 24;
const ROW_BYTES = 14;
const OBJECTS_HEADER_BYTES = 12;
const PLACEMENT_BYTES = 12;
export const BOX = 0;
const JUMP_M = 0.6;

export function readDrive(bytes) {
  const view = new DataView(bytes);
  const magic = String.fromCharCode(...new Uint8Array(bytes, 0, 4));
  const rows = view.getUint32(4, true);
  const end = HEADER_BYTES + ROW_BYTES * rows;
  if (magic !== "PDT1" || bytes.byteLength < end) throw new Error("not a drive");
  const [left, bottom, metres, rate] = [8, 12, 16, 20].map((at) => view.getFloat32(at, true));
  const column = (index) => new Int16Array(bytes, HEADER_BYTES + index * 2 * rows, rows);
  const [lap, status] = [0, 1].map((index) => new Uint8Array(bytes, HEADER_BYTES + (12 + index) * rows, rows));
  const [x, y, heading, speed, steering, progress] = Array.from({ length: 6 }, (_, index) => column(index));
  return {
    rows,
    rate,
    x: (row) => left + x[row] * metres,
    y: (row) => bottom + y[row] * metres,
    heading: (row) => heading[row] / 100,
    speed: (row) => speed[row] / 1000,
    steering: (row) => steering[row] / 100,
    progress: (row) => progress[row] / 100,
    lap: (row) => lap[row],
    status: (row) => status[row],
    objects: bytes.byteLength > end ? readObjects(view, end, rows, left, bottom, metres) : [],
  };
}

// What else is on the track: for each object its kind and where it is in a row. The bytes are those of
// sim.object_trace.ObjectTrace.
function readObjects(view, begin, rows, left, bottom, metres) {
  const count = view.getUint32(begin + 4, true);
  const placements = view.getUint32(begin + 8, true);
  let at = begin + OBJECTS_HEADER_BYTES + count + (count % 2);
  const objects = Array.from({ length: count }, (_, index) => {
    const kind = view.getUint8(begin + OBJECTS_HEADER_BYTES + index);
    const from = at;
    if (kind !== BOX) at += 6 * rows;
    const places = [];
    const pose = (row) => {
      if (kind === BOX) return places.findLast((place) => place.row <= row) ?? places[0];
      const number = (column) => view.getInt16(from + 2 * (column * rows + row), true);
      return { x: left + number(0) * metres, y: bottom + number(1) * metres, heading: number(2) / 100 };
    };
    return { kind, places, pose };
  });
  for (let placement = 0; placement < placements; placement += 1, at += PLACEMENT_BYTES) {
    const number = (column) => view.getInt16(at + 4 + 2 * column, true);
    const place = { row: view.getUint32(at, true), x: left + number(1) * metres, y: bottom + number(2) * metres };
    objects[number(0)].places.push({ ...place, heading: number(3) / 100 });
  }
  return objects;
}

// Where the car is at a moment between two rows; from a row to one far away it jumps.
export function poseAt(drive, at) {
  const row = Math.max(0, Math.min(drive.rows - 1, Math.floor(at)));
  const next = Math.min(row + 1, drive.rows - 1);
  const share = Math.max(0, Math.min(1, at - row));
  const [x, y, heading] = [drive.x(row), drive.y(row), drive.heading(row)];
  const [dx, dy] = [drive.x(next) - x, drive.y(next) - y];
  if (Math.hypot(dx, dy) > JUMP_M) return { row, x, y, heading };
  const turn = ((drive.heading(next) - heading + 540) % 360) - 180;
  return { row, x: x + dx * share, y: y + dy * share, heading: heading + turn * share };
}

// The rows of each lap, [first, one after the last).
export function lapsOf(drive) {
  const laps = [];
  for (let row = 0; row < drive.rows; row += 1) {
    const lap = drive.lap(row);
    if (!laps[lap]) laps[lap] = [row, row + 1];
    laps[lap][1] = row + 1;
  }
  return laps;
}
