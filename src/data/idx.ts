import { allocate, type DType, type TypedArray } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { isGzip } from "./gzip.ts";

/** Numbers in host memory with their shape, as a file of data holds them. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

interface Kind {
  readonly name: string;
  readonly bytes: number;
  readonly dtype: DType;
  read(view: DataView, at: number): number;
}

/** By the third byte of the file; the narrow signed kinds widen to int32. */
const kinds = new Map<number, Kind>([
  [0x08, { name: "uint8", bytes: 1, dtype: "uint8", read: (view, at) => view.getUint8(at) }],
  [0x09, { name: "int8", bytes: 1, dtype: "int32", read: (view, at) => view.getInt8(at) }],
  [0x0b, { name: "int16", bytes: 2, dtype: "int32", read: (view, at) => view.getInt16(at) }],
  [0x0c, { name: "int32", bytes: 4, dtype: "int32", read: (view, at) => view.getInt32(at) }],
  [0x0d, { name: "float32", bytes: 4, dtype: "float32", read: (view, at) => view.getFloat32(at) }],
  [0x0e, { name: "float64", bytes: 8, dtype: "float64", read: (view, at) => view.getFloat64(at) }],
]);

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/**
 * The numbers in an IDX file, the format of MNIST; uint8 data is a view of `bytes`, not a copy.
 * @throws a `file` error when the bytes are damaged, cut short, or not IDX
 * @source the format's description on the MNIST database's page
 */
export function decodeIdx(bytes: Uint8Array, where = "IDX data"): HostArray {
  if (isGzip(bytes)) throw new CambiumError("file", where, "starts with 1f 8b, which is gzip; an IDX file starts with 00 00", "unzip it first");
  if (bytes.length < 4) throw new CambiumError("file", where, `ends after ${count(bytes.length, "byte")}; the header of an IDX file starts with 4`, truncated);
  const kind = kinds.get(bytes[2]!);
  if (bytes[0] !== 0 || bytes[1] !== 0 || !kind)
    throw new CambiumError(
      "file",
      where,
      `starts with ${hex(bytes.subarray(0, 4))}; an IDX file starts with 00 00, a type (${hex(Uint8Array.from(kinds.keys())).replaceAll(" ", ", ")}) and the number of axes`,
      "is it another kind of file, or a page that a server sent in its place?",
    );

  const rank = bytes[3]!;
  const start = 4 + 4 * rank;
  if (bytes.length < start)
    throw new CambiumError("file", where, `ends after ${count(bytes.length, "byte")}; its header says rank ${rank}, which takes ${start}`, truncated);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const length = size(shape);
  const found = bytes.length - start;
  if (found !== length * kind.bytes)
    throw new CambiumError(
      "file",
      where,
      `has ${count(found, "byte")} of data; shape ${show(shape)} of ${kind.name} takes ${length * kind.bytes}`,
      found < length * kind.bytes ? truncated : undefined,
    );

  if (kind.name === "uint8") return { data: bytes.subarray(start), shape, dtype: "uint8" };
  const data = allocate(kind.dtype, length);
  for (let i = 0; i < length; i++) data[i] = kind.read(view, start + i * kind.bytes);
  return { data, shape, dtype: kind.dtype };
}

const truncated = "the file was cut short; copy or download it again";
