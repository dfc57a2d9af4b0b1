// Reads an Arrow stream from standard input and writes one line per row: a JSON array with the text of each cell, null for
// NULL. Numbers are spelt out from the bytes that the library hands out, floats as their bits, so that nothing is rounded.
import { tableFromIPC, Type } from 'apache-arrow';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const table = tableFromIPC(Buffer.concat(chunks));

const hex = (bytes) => Buffer.from(bytes).toString('hex');

function bits(value, width) {
  const view = new DataView(new ArrayBuffer(width));
  if (width === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return 'bits:' + hex(new Uint8Array(view.buffer));
}

function decimal(words, scale) {
  let n = 0n;
  for (let i = words.length - 1; i >= 0; i--) n = (n << 32n) | BigInt(words[i] >>> 0);
  n = BigInt.asIntN(32 * words.length, n);
  const digits = (n < 0n ? -n : n).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return (n < 0n ? '-' : '') + (scale > 0 ? whole + '.' + digits.slice(-scale) : whole);
}

const fraction = (micros) => (micros === 0n ? '' : ('.' + micros.toString().padStart(6, '0')).replace(/0+$/, ''));

function clock(micros) {
  const two = (n) => n.toString().padStart(2, '0');
  const seconds = micros / 1000000n;
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction(micros % 1000000n)}`;
}

const dayText = (days) => new Date(days * 86400000).toISOString().slice(0, 10);

function moment(micros, zone) {
  const day = 86400000000n;
  let days = micros / day, rest = micros % day;
  if (rest < 0n) { days -= 1n; rest += day; }
  return `${dayText(Number(days))}T${clock(rest)}${zone}`;
}

// cell spells out the value at an index of a chunk, whose values array is the buffer of the format itself.
function cell(data, index) {
  if (!data.getValid(index)) return null;
  const type = data.type;
  switch (type.typeId) {
    case Type.Int: case Type.Int16: case Type.Int32: case Type.Int64: return data.values[index].toString();
    case Type.Float: case Type.Float32: case Type.Float64: return bits(data.values[index], type.precision === 1 ? 4 : 8);
    case Type.Bool: return ((data.values[(data.offset + index) >> 3] >> ((data.offset + index) % 8)) & 1) === 1 ? 'true' : 'false';
    case Type.Decimal: {
      const width = type.bitWidth / 32;
      return decimal(data.values.subarray(index * width, (index + 1) * width), type.scale);
    }
    case Type.Date: case Type.DateDay: return dayText(data.values[index]);
    case Type.Time: case Type.TimeMicrosecond: return clock(data.values[index]);
    case Type.Timestamp: case Type.TimestampMicrosecond: return moment(data.values[index], type.timezone ? '+00:00' : '');
    case Type.Utf8: return new TextDecoder().decode(data.values.subarray(data.valueOffsets[index], data.valueOffsets[index + 1]));
    case Type.Binary: return '\\x' + hex(data.values.subarray(data.valueOffsets[index], data.valueOffsets[index + 1]));
    case Type.FixedSizeBinary: {
      const id = hex(data.values.subarray(index * type.byteWidth, (index + 1) * type.byteWidth));
      return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
    }
    case Type.List: {
      const cells = [];
      for (let i = data.valueOffsets[index]; i < data.valueOffsets[index + 1]; i++) cells.push(cell(data.children[0], i));
      return cells;
    }
    default: throw new Error(`the type ${type} is not known here`);
  }
}

for (const batch of table.batches) {
  for (let row = 0; row < batch.numRows; row++) {
    process.stdout.write(JSON.stringify(batch.data.children.map((column) => cell(column, row))) + '\n');
  }
}
