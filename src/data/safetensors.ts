import { allocate, allocateStorage, bytesOf, type DType, dtypeOf, load, pack, type TypedArray } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";

/** A tensor's numbers in host memory. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** What a safetensors file holds. */
export interface Safetensors {
  readonly tensors: Record<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

interface Kind {
  readonly bytes: number;
  readonly dtype: DType;
  /** One number, for kinds that no dtype stores as they are. */
  readonly read?: (view: DataView, at: number) => number;
}

/** What a file may hold; an int16 is read as an int32. */
const kinds = new Map<string, Kind>([
  ["F64", { bytes: 8, dtype: "float64" }],
  ["F32", { bytes: 4, dtype: "float32" }],
  ["F16", { bytes: 2, dtype: "float16" }],
  ["BF16", { bytes: 2, dtype: "bfloat16" }],
  ["I64", { bytes: 8, dtype: "int64" }],
  ["I32", { bytes: 4, dtype: "int32" }],
  ["I16", { bytes: 2, dtype: "int32", read: (view, at) => view.getInt16(at, true) }],
  ["I8", { bytes: 1, dtype: "int8" }],
  ["U8", { bytes: 1, dtype: "uint8" }],
  ["BOOL", { bytes: 1, dtype: "bool" }],
]);

const kindOf: Record<DType, string> = {
  int64: "I64",
  float64: "F64",
  float32: "F32",
  int32: "I32",
  bfloat16: "BF16",
  float16: "F16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** The dtypes that can be written, in the order of the reference implementation. */
const written = Object.keys(kindOf) as DType[];

/** The reference implementation reads no longer header. */
const longestHeader = 100_000_000;

/**
 * The bytes of a safetensors file with these tensors, in the order and alignment of the reference implementation.
 * @throws a `shape`, `dtype` or `name` error when a tensor's parts do not fit together
 * @source the safetensors format, as its reference implementation writes it
 */
export function encode(tensors: Record<string, StoredTensor>, metadata?: Record<string, string>): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = metadata && Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  // Wide numbers first, so that every tensor is aligned to its own width.
  const order = Object.entries(tensors).sort(([a, x], [b, y]) => written.indexOf(x.dtype) - written.indexOf(y.dtype) || (a < b ? -1 : 1));
  let end = 0;
  for (const [name, tensor] of order) {
    const kind = checked(name, tensor);
    const start = end;
    end += size(tensor.shape) * bytesOf(tensor.dtype);
    header.push([name, { dtype: kind, shape: tensor.shape, data_offsets: [start, end] }]);
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(8 + length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.fill(0x20, 8, 8 + length).set(text, 8);
  let at = 8 + length;
  for (const [, { dtype, data }] of order) {
    const { buffer, byteOffset, byteLength } = pack(dtype, data);
    out.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return out;
}

/** The name of a tensor's kind in the file, once its dtype, shape and data agree. */
function checked(name: string, { dtype, shape, data }: StoredTensor): string {
  const where = `safetensors "${name}"`;
  if (name === "__metadata__") throw new CambiumError("name", where, "is the name of the file's metadata; a tensor needs another");
  const kind = kindOf[dtype];
  if (!kind) throw new CambiumError("dtype", where, `there is no dtype "${String(dtype)}"; there are ${written.join(", ")}`);
  if (data.constructor !== allocate(dtype, 0).constructor) throw new CambiumError("dtype", where, `is ${dtype}, but its data is ${dtypeOf(data)}`);
  if (data.length !== size(shape)) throw new CambiumError("shape", where, `has ${data.length} numbers; shape ${show(shape)} takes ${size(shape)}`);
  return kind;
}

/**
 * The tensors in a safetensors file. An int16 becomes an int32.
 * @throws a `file` error when the bytes are damaged, cut short, or hold what cambium cannot read
 * @source the safetensors format, with the checks of its reference implementation
 */
export function decode(bytes: Uint8Array, where = "safetensors"): Safetensors {
  const { header, start } = readHeader(bytes, where);
  const data = bytes.subarray(start);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string"))
    throw new CambiumError("file", where, `"__metadata__" is ${excerpt(metadata)}; it maps names to text`);

  const places = Object.entries(entries).map(([name, entry]) => readPlace(name, entry, data.length, where));
  let covered = 0;
  for (const { name, begin, end } of [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered)
      throw new CambiumError(
        "file",
        where,
        `tensor "${name}" begins at byte ${begin} of the data, ${begin < covered ? "inside" : "apart from"} the tensor before it, which ends at ${covered}`,
      );
    covered = end;
  }
  if (covered !== data.length) throw new CambiumError("file", where, `has ${data.length} bytes of data; its tensors take ${covered}`);
  return {
    // Not by assignment: a tensor may be called "__proto__".
    tensors: Object.fromEntries(places.map((place) => [place.name, readTensor(place, data, where)])),
    metadata: metadata as Record<string, string>,
  };
}

function readHeader(bytes: Uint8Array, where: string): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8)
    throw new CambiumError("file", where, `ends after ${bytes.length} bytes; a safetensors file begins with 8 that give its header's length`, truncated);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > longestHeader || (bytes.length > 8 && bytes[8] !== 0x7b))
    throw new CambiumError("file", where, "does not begin like a safetensors file: 8 bytes with the header's length, then {", "is it another kind of file?");
  if (8 + length > bytes.length)
    throw new CambiumError("file", where, `ends after ${bytes.length} bytes, inside its header, which takes ${8 + length}`, truncated);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw new CambiumError("file", where, `has a damaged header: ${error instanceof Error ? error.message : error}`);
  }
  if (!isRecord(header)) throw new CambiumError("file", where, `has the header ${excerpt(header)}; that should be a JSON object`);
  return { header, start: 8 + length };
}

interface Place {
  readonly name: string;
  readonly kind: Kind;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

function readPlace(name: string, entry: unknown, available: number, where: string): Place {
  const fail = (problem: string, hint?: string): never => {
    throw new CambiumError("file", where, `tensor "${name}" ${problem}`, hint);
  };
  if (!isRecord(entry)) return fail(`is described by ${excerpt(entry)}; that should be an object with dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const kind = typeof dtype === "string" ? kinds.get(dtype) : undefined;
  if (!kind) return fail(`has dtype ${excerpt(dtype)}; ${[...kinds.keys()].join(", ")} can be read`);
  if (!isSizes(shape)) return fail(`has shape ${excerpt(shape)}; a shape is a list of whole numbers from 0`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(`has data_offsets ${excerpt(offsets)}; they are the two places where its data begins and ends`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return fail(`begins at byte ${begin} of the data and ends before it, at ${end}`);
  if (end > available) return fail(`ends at byte ${end} of the data, which has ${available}`, truncated);
  const needed = size(shape) * kind.bytes;
  if (end - begin !== needed) return fail(`has ${end - begin} bytes; shape ${show(shape)} of ${dtype} takes ${needed}`);
  return { name, kind, shape, begin, end };
}

function readTensor({ name, kind, shape, begin, end }: Place, bytes: Uint8Array, where: string): StoredTensor {
  const length = (end - begin) / kind.bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset + begin, end - begin);
  const stored = allocateStorage(kind.dtype, length);
  if (!kind.read) new Uint8Array(stored.buffer).set(bytes.subarray(begin, end));
  else for (let i = 0; i < length; i++) stored[i] = kind.read(view, i * kind.bytes);
  const data = load(kind.dtype, stored);
  const odd = kind.dtype === "bool" ? (data as Uint8Array).find((value) => value > 1) : undefined;
  if (odd !== undefined) throw new CambiumError("file", where, `tensor "${name}" holds ${odd}; a BOOL is 0 or 1`);
  return { dtype: kind.dtype, shape, data };
}

const truncated = "the file was cut short; copy or download it again";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** A foreign value as it stands in the file, but no longer than a message can bear. */
function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
