/** WebAssembly's instructions by group, as methods that write themselves into a function. */

export type Type = "i32" | "i64" | "f32" | "f64" | "v128";

/**
 * Code that has just been written and leaves a number on the stack. Operands are written where they stand, in order, so
 * `f.f32x4.add(f.get(a), f.get(b))` writes: a, b, add. A piece of code is an operand once; to use its number twice, put it in a local.
 */
export interface Code<T extends Type> {
  readonly leaves: T;
}

/** What instructions are written into. */
export interface Sink {
  /** Writes an instruction; one of SIMD, of relaxed SIMD or of atomics has its prefix in the higher bytes. */
  op(opcode: number): void;
  byte(x: number): void;
  unsigned(x: number): void;
}

/** Nothing: the code is in the sink. */
export const written: Code<any> = { leaves: undefined as never };

/** Prefixes of instructions outside the first 256, as `Sink.op` takes them. */
const simd = 0xfd00000;
const atomic = 0xfe00000;

type Opcodes = Readonly<Record<string, number>>;
type Unary<O extends Opcodes, T extends Type, R extends Type = T> = { readonly [K in keyof O]: (x: Code<T>) => Code<R> };
type Binary<O extends Opcodes, T extends Type, R extends Type = T> = { readonly [K in keyof O]: (x: Code<T>, y: Code<T>) => Code<R> };
type Shift<O extends Opcodes> = { readonly [K in keyof O]: (x: Code<"v128">, by: Code<"i32">) => Code<"v128"> };
type Ternary<O extends Opcodes> = { readonly [K in keyof O]: (x: Code<"v128">, y: Code<"v128">, z: Code<"v128">) => Code<"v128"> };
type Load<O extends Opcodes, R extends Type> = { readonly [K in keyof O]: (address: Code<"i32">, offset?: number) => Code<R> };
type Store<O extends Opcodes, T extends Type> = { readonly [K in keyof O]: (address: Code<"i32">, x: Code<T>, offset?: number) => void };
type Extract<O extends Opcodes, R extends Type> = { readonly [K in keyof O]: (x: Code<"v128">, lane: number) => Code<R> };
type Replace<O extends Opcodes, T extends Type> = { readonly [K in keyof O]: (x: Code<"v128">, lane: number, y: Code<T>) => Code<"v128"> };

type Method = (sink: Sink, opcode: number) => (...operands: any[]) => unknown;

// Operands have been written by the time a method is called; the instruction follows them.
const plain: Method = (sink, opcode) => () => {
  sink.op(opcode);
  return written;
};
const access = (sink: Sink, opcode: number, offset: number): Code<any> => {
  sink.op(opcode);
  sink.unsigned(0);
  sink.unsigned(offset);
  return written;
};
const load: Method =
  (sink, opcode) =>
  (_, offset = 0) =>
    access(sink, opcode, offset);
const store: Method =
  (sink, opcode) =>
  (_, __, offset = 0) =>
    access(sink, opcode, offset);
const lane: Method = (sink, opcode) => (_, n) => {
  sink.op(opcode);
  sink.byte(n);
  return written;
};
// Atomic accesses must name their own size. Their offset is their last operand, if it is a number.
const atomicAccess: Method =
  (sink, opcode) =>
  (...operands) => {
    const last = operands[operands.length - 1];
    sink.op(opcode);
    sink.unsigned(2);
    sink.unsigned(typeof last === "number" ? last : 0);
    return written;
  };

const i32Unary = { eqz: 0x45, clz: 0x67, ctz: 0x68, popcnt: 0x69 };
// biome-ignore format: a table of numbers
const i32Binary = {
  eq: 0x46, ne: 0x47, lt: 0x48, ltUnsigned: 0x49, gt: 0x4a, gtUnsigned: 0x4b, le: 0x4c, leUnsigned: 0x4d, ge: 0x4e, geUnsigned: 0x4f,
  add: 0x6a, sub: 0x6b, mul: 0x6c, div: 0x6d, divUnsigned: 0x6e, rem: 0x6f, remUnsigned: 0x70,
  and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shr: 0x75, shrUnsigned: 0x76, rotl: 0x77,
};
const i32Load = { load: 0x28, load8: 0x2c, load8Unsigned: 0x2d, load16: 0x2e, load16Unsigned: 0x2f };
const i32Store = { store: 0x36, store8: 0x3a, store16: 0x3b };
const i32Atomic = { atomicLoad: 0x10 };
const i32Change = { atomicAdd: 0x1e, atomicSub: 0x25, notify: 0x00 };
const i64Binary = { add: 0x7c, sub: 0x7d, mul: 0x7e, and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shr: 0x87, shrUnsigned: 0x88 };
const i64Compare = { eq: 0x51, ne: 0x52, lt: 0x53, gt: 0x55 };
const floatCompare = { eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, le: 0x5f, ge: 0x60 };
const doubleCompare = { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 };
const f32Unary = { abs: 0x8b, neg: 0x8c, ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 };
const f32Binary = { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97 };
const f64Unary = { abs: 0x99, neg: 0x9a, ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f };
const f64Binary = { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5 };

// biome-ignore format: a table of numbers
const v128Load = {
  load: 0x00, load8x8: 0x01, load8x8Unsigned: 0x02, load16x4: 0x03, load16x4Unsigned: 0x04,
  load32x2: 0x05, load32x2Unsigned: 0x06, load8Splat: 0x07, load16Splat: 0x08, load32Splat: 0x09, load64Splat: 0x0a,
  load32Zero: 0x5c, load64Zero: 0x5d,
};
const v128Store = { store: 0x0b };
const v128Binary = { and: 0x4e, andNot: 0x4f, or: 0x50, xor: 0x51 };
const i16x8Unary = { widenLow8: 0x87, widenHigh8: 0x88, widenLow8Unsigned: 0x89, widenHigh8Unsigned: 0x8a };
// biome-ignore format: a table of numbers
const i32x4Unary = {
  widenLow16: 0xa7, widenLow16Unsigned: 0xa9, abs: 0xa0, neg: 0xa1,
  truncate: 0xf8, truncateUnsigned: 0xf9, truncateLow: 0xfc, truncateLowUnsigned: 0xfd,
};
// biome-ignore format: a table of numbers
const i32x4Binary = {
  eq: 0x37, ne: 0x38, lt: 0x39, gt: 0x3b, le: 0x3d, ge: 0x3f,
  add: 0xae, sub: 0xb1, mul: 0xb5, min: 0xb6, max: 0xb8,
};
const i32x4Shift = { shl: 0xab, shr: 0xac, shrUnsigned: 0xad };
const i64x2Binary = { add: 0xce, sub: 0xd1, mul: 0xd5, eq: 0xd6 };
const i64x2Shift = { shl: 0xcb, shr: 0xcc, shrUnsigned: 0xcd };
// biome-ignore format: a table of numbers
const f32x4Unary = {
  ceil: 0x67, floor: 0x68, trunc: 0x69, nearest: 0x6a, abs: 0xe0, neg: 0xe1, sqrt: 0xe3,
  convert: 0xfa, convertUnsigned: 0xfb, demote: 0x5e,
};
// biome-ignore format: a table of numbers
const f32x4Binary = {
  eq: 0x41, ne: 0x42, lt: 0x43, gt: 0x44, le: 0x45, ge: 0x46,
  add: 0xe4, sub: 0xe5, mul: 0xe6, div: 0xe7, min: 0xe8, max: 0xe9, pmin: 0xea, pmax: 0xeb,
};
// biome-ignore format: a table of numbers
const f64x2Unary = {
  ceil: 0x74, floor: 0x75, trunc: 0x7a, nearest: 0x94, abs: 0xec, neg: 0xed, sqrt: 0xef,
  convertLow: 0xfe, convertLowUnsigned: 0xff, promoteLow: 0x5f,
};
// biome-ignore format: a table of numbers
const f64x2Binary = {
  eq: 0x47, ne: 0x48, lt: 0x49, gt: 0x4a, le: 0x4b, ge: 0x4c,
  add: 0xf0, sub: 0xf1, mul: 0xf2, div: 0xf3, min: 0xf4, max: 0xf5, pmin: 0xf6, pmax: 0xf7,
};
const select = { bitselect: 0x52 };
const floatRelaxed = { multiplyAdd: 0x105, negatedMultiplyAdd: 0x106 };
const doubleRelaxed = { multiplyAdd: 0x107, negatedMultiplyAdd: 0x108 };
/** Whole lanes of one of two vectors, by a mask of whole lanes. */
const relaxedSelect = { choose: 0x10b };

export type I32 = Unary<typeof i32Unary, "i32"> &
  Binary<typeof i32Binary, "i32"> &
  Load<typeof i32Load & typeof i32Atomic, "i32"> &
  Store<typeof i32Store & { atomicStore: number }, "i32"> & {
    readonly [K in keyof typeof i32Change]: (address: Code<"i32">, x: Code<"i32">, offset?: number) => Code<"i32">;
  } & {
    /**
     * Sleeps while the number at an address is `expected`, at most so many nanoseconds (−1: for ever); 1 when it was another at once.
     * To be kept in a function of its own that reads nothing afterwards: V8's quick compiler forgets what registers held meanwhile.
     */
    wait(address: Code<"i32">, expected: Code<"i32">, nanoseconds: Code<"i64">, offset?: number): Code<"i32">;
    wrap(x: Code<"i64">): Code<"i32">;
    truncate(x: Code<"f64">): Code<"i32">;
  };
export type I64 = Binary<typeof i64Binary, "i64"> &
  Binary<typeof i64Compare, "i64", "i32"> &
  Load<{ load: number }, "i64"> &
  Store<{ store: number }, "i64"> & {
    extend(x: Code<"i32">): Code<"i64">;
    extendUnsigned(x: Code<"i32">): Code<"i64">;
    /** Towards zero; too large ones to the nearest there is, NaN to 0. */
    truncate(x: Code<"f64">): Code<"i64">;
  };
export type F32 = Unary<typeof f32Unary, "f32"> &
  Binary<typeof f32Binary, "f32"> &
  Binary<typeof floatCompare, "f32", "i32"> &
  Load<{ load: number }, "f32"> &
  Store<{ store: number }, "f32"> & { demote(x: Code<"f64">): Code<"f32">; convert(x: Code<"i32">): Code<"f32"> };
export type F64 = Unary<typeof f64Unary, "f64"> &
  Binary<typeof f64Binary, "f64"> &
  Binary<typeof doubleCompare, "f64", "i32"> &
  Load<{ load: number }, "f64"> &
  Store<{ store: number }, "f64"> & { promote(x: Code<"f32">): Code<"f64">; convert(x: Code<"i32">): Code<"f64">; convertLong(x: Code<"i64">): Code<"f64"> };
export type V128 = Binary<typeof v128Binary, "v128"> &
  Ternary<typeof select & typeof relaxedSelect> &
  Load<typeof v128Load, "v128"> &
  Store<typeof v128Store, "v128"> & {
    not(x: Code<"v128">): Code<"v128">;
    anyTrue(x: Code<"v128">): Code<"i32">;
    /** The vector with one lane, of so many bits, from memory. */
    loadLane(bits: 8 | 16 | 32 | 64, address: Code<"i32">, x: Code<"v128">, lane: number, offset?: number): Code<"v128">;
    storeLane(bits: 8 | 16 | 32 | 64, address: Code<"i32">, x: Code<"v128">, lane: number, offset?: number): void;
    /** Sixteen bytes of two vectors by their places. */
    shuffle(x: Code<"v128">, y: Code<"v128">, places: readonly number[]): Code<"v128">;
    /** Four lanes of 32 bits of two vectors by their places: 0 to 3, 4 to 7. */
    shuffle32(x: Code<"v128">, y: Code<"v128">, places: readonly number[]): Code<"v128">;
  };
export type I16x8 = Unary<typeof i16x8Unary, "v128">;
export type I32x4 = Unary<typeof i32x4Unary, "v128"> &
  Binary<typeof i32x4Binary, "v128"> &
  Shift<typeof i32x4Shift> &
  Extract<{ extract: number }, "i32"> &
  Replace<{ replace: number }, "i32"> & { splat(x: Code<"i32">): Code<"v128">; allTrue(x: Code<"v128">): Code<"i32"> };
export type I64x2 = Binary<typeof i64x2Binary, "v128"> &
  Shift<typeof i64x2Shift> &
  Extract<{ extract: number }, "i64"> &
  Replace<{ replace: number }, "i64"> & { splat(x: Code<"i64">): Code<"v128"> };
export type F32x4 = Unary<typeof f32x4Unary, "v128"> &
  Binary<typeof f32x4Binary, "v128"> &
  Ternary<typeof floatRelaxed> &
  Extract<{ extract: number }, "f32"> &
  Replace<{ replace: number }, "f32"> & { splat(x: Code<"f32">): Code<"v128"> };
export type F64x2 = Unary<typeof f64x2Unary, "v128"> &
  Binary<typeof f64x2Binary, "v128"> &
  Ternary<typeof doubleRelaxed> &
  Extract<{ extract: number }, "f64"> &
  Replace<{ replace: number }, "f64"> & { splat(x: Code<"f64">): Code<"v128"> };

export interface Instructions {
  readonly i32: I32;
  readonly i64: I64;
  readonly f32: F32;
  readonly f64: F64;
  readonly v128: V128;
  readonly i16x8: I16x8;
  readonly i32x4: I32x4;
  readonly i64x2: I64x2;
  readonly f32x4: F32x4;
  readonly f64x2: F64x2;
}

/** The instructions, written into `sink`. Made once a module, not once a function. */
export function instructions(sink: Sink): Instructions {
  const group = (...parts: readonly (readonly [Opcodes, Method, number?])[]): any => {
    const methods: Record<string, unknown> = {};
    for (const [opcodes, method, prefix = 0] of parts) for (const name of Object.keys(opcodes)) methods[name] = method(sink, prefix | opcodes[name]!);
    return methods;
  };
  const vectors = (operations: Opcodes, lanes: Opcodes = {}): any => group([operations, plain, simd], [lanes, lane, simd]);
  const v128 = group([{ ...v128Binary, ...select, ...relaxedSelect, not: 0x4d, anyTrue: 0x53 }, plain, simd], [v128Load, load, simd], [v128Store, store, simd]);
  const sizes = [8, 16, 32, 64];
  v128.loadLane = (bits: number, _: unknown, __: unknown, n: number, offset = 0) => {
    sink.op(simd | (0x54 + sizes.indexOf(bits)));
    sink.unsigned(0);
    sink.unsigned(offset);
    sink.byte(n);
    return written;
  };
  v128.storeLane = (bits: number, _: unknown, __: unknown, n: number, offset = 0) => {
    sink.op(simd | (0x58 + sizes.indexOf(bits)));
    sink.unsigned(0);
    sink.unsigned(offset);
    sink.byte(n);
  };
  v128.shuffle = (_: unknown, __: unknown, places: readonly number[]) => {
    sink.op(simd | 0x0d);
    for (const place of places) sink.byte(place);
    return written;
  };
  v128.shuffle32 = (x: Code<"v128">, y: Code<"v128">, places: readonly number[]) =>
    v128.shuffle(
      x,
      y,
      places.flatMap((place) => [4 * place, 4 * place + 1, 4 * place + 2, 4 * place + 3]),
    );
  return {
    i32: group(
      [{ ...i32Unary, ...i32Binary, wrap: 0xa7, truncate: 0xfc00002 }, plain],
      [i32Load, load],
      [i32Store, store],
      [{ ...i32Atomic, ...i32Change, atomicStore: 0x17, wait: 0x01 }, atomicAccess, atomic],
    ),
    i64: group(
      [{ ...i64Binary, ...i64Compare, extend: 0xac, extendUnsigned: 0xad, truncate: 0xfc00006 }, plain],
      [{ load: 0x29 }, load],
      [{ store: 0x37 }, store],
    ),
    f32: group([{ ...f32Unary, ...f32Binary, ...floatCompare, demote: 0xb6, convert: 0xb2 }, plain], [{ load: 0x2a }, load], [{ store: 0x38 }, store]),
    f64: group(
      [{ ...f64Unary, ...f64Binary, ...doubleCompare, promote: 0xbb, convert: 0xb7, convertLong: 0xb9 }, plain],
      [{ load: 0x2b }, load],
      [{ store: 0x39 }, store],
    ),
    v128,
    i16x8: vectors(i16x8Unary),
    i32x4: vectors({ ...i32x4Unary, ...i32x4Binary, ...i32x4Shift, splat: 0x11, allTrue: 0xa3 }, { extract: 0x1b, replace: 0x1c }),
    i64x2: vectors({ ...i64x2Binary, ...i64x2Shift, splat: 0x12 }, { extract: 0x1d, replace: 0x1e }),
    f32x4: vectors({ ...f32x4Unary, ...f32x4Binary, ...floatRelaxed, splat: 0x13 }, { extract: 0x1f, replace: 0x20 }),
    f64x2: vectors({ ...f64x2Unary, ...f64x2Binary, ...doubleRelaxed, splat: 0x14 }, { extract: 0x21, replace: 0x22 }),
  };
}
