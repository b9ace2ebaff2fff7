/** Numbers of every dtype between memory and registers, four at a time or one. */
import { bytesOf, type DType } from "../../base/dtype.ts";
import type { Code, FunctionBuilder, Local } from "./assembler.ts";

type Vector = Local<"v128">;

/** Four numbers, or, while one at a time is done, one in lane 0. What is exact in a narrower form stays in it until arithmetic asks for another. */
export type Register =
  | { readonly kind: "float"; readonly x: Vector }
  | { readonly kind: "integer"; readonly x: Vector }
  /** Numbers 0 and 1, and 2 and 3 where there are four. */
  | { readonly kind: "double"; readonly x: Vector; readonly y: Vector | undefined };

/** How many numbers at once. */
export type Width = 1 | 4;

const hold = (f: FunctionBuilder, x: Code<"v128">): Vector => f.hold("v128", x);
const upper = [2, 3, 2, 3];

export function asFloat(f: FunctionBuilder, r: Register): Vector {
  if (r.kind === "float") return r.x;
  if (r.kind === "integer") return hold(f, f.f32x4.convert(f.get(r.x)));
  const low = hold(f, f.f32x4.demote(f.get(r.x)));
  return r.y ? hold(f, f.v128.shuffle32(f.get(low), f.f32x4.demote(f.get(r.y)), [0, 1, 4, 5])) : low;
}

export function asDouble(f: FunctionBuilder, r: Register, width: Width): { x: Vector; y: Vector | undefined } {
  if (r.kind === "double") return r;
  const convert = (x: Code<"v128">): Vector => hold(f, r.kind === "float" ? f.f64x2.promoteLow(x) : f.f64x2.convertLow(x));
  const x = convert(f.get(r.x));
  return { x, y: width === 4 ? convert(f.v128.shuffle32(f.get(r.x), f.get(r.x), upper)) : undefined };
}

/** Doubles as the whole numbers of 32 bits that JavaScript's `| 0` gives: cut off at the point and wrapped around. */
function wrapped(f: FunctionBuilder, x: Vector): Code<"v128"> {
  const whole = hold(f, f.f64x2.trunc(f.get(x)));
  const rounds = f.f64x2.floor(f.f64x2.mul(f.get(whole), f.doubles(2 ** -32)));
  const lost = hold(f, f.f64x2.mul(rounds, f.doubles(2 ** 32)));
  return f.i32x4.truncateLowUnsigned(f.f64x2.sub(f.get(whole), f.get(lost)));
}

/** Whole numbers of 32 bits, as typed arrays make them. */
export function asInteger(f: FunctionBuilder, r: Register): Vector {
  if (r.kind === "integer") return r.x;
  if (r.kind === "double") {
    const low = hold(f, wrapped(f, r.x));
    return r.y ? hold(f, f.v128.shuffle32(f.get(low), wrapped(f, r.y), [0, 1, 4, 5])) : low;
  }
  // Beyond 2³¹ the saturated number is wrong; there, floats are multiples of 256, and few of them: by doubles.
  const far = f.hold("i32", f.v128.anyTrue(f.f32x4.ge(f.f32x4.abs(f.get(r.x)), f.floats(2 ** 31))));
  const out = hold(f, f.i32x4.truncate(f.get(r.x)));
  f.when(f.get(far), () => f.set(out, f.get(asInteger(f, { kind: "double", ...asDouble(f, r, 4) }))));
  return out;
}

/** Loads by dtype: `width` numbers that lie `stride` numbers apart; stride 0 gives one number in every lane. */
export function load(f: FunctionBuilder, dtype: DType, pointer: Local<"i32">, offset: number, stride: number, width: Width): Register {
  const size = bytesOf(dtype);
  const at = (i: number): number => offset + i * stride * size;
  const one = width === 1;
  if (stride < 0 && !one && at(3) < 0) {
    // Offsets of instructions are not negative.
    const moved = f.hold("i32", f.plus(f.get(pointer), at(3)));
    return load(f, dtype, moved, offset - at(3), stride, width);
  }
  const p = (): Code<"i32"> => f.get(pointer);
  const lanes = (bits: 8 | 16 | 32): Vector => {
    const x = f.local("v128");
    f.set(x, f.v128.load32Zero(p(), at(0)));
    for (let i = 1; i < 4; i++) f.set(x, f.v128.loadLane(bits, p(), f.get(x), i, at(i)));
    return x;
  };
  switch (dtype) {
    case "float32":
    case "int32": {
      const kind = dtype === "float32" ? "float" : "integer";
      if (stride === 0 || one) return { kind, x: hold(f, stride === 0 ? f.v128.load32Splat(p(), offset) : f.v128.load32Zero(p(), offset)) };
      return { kind, x: stride === 1 ? hold(f, f.v128.load(p(), offset)) : lanes(32) };
    }
    case "float64": {
      const two = (i: number): Vector => {
        if (stride === 1) return hold(f, f.v128.load(p(), at(i)));
        return hold(f, f.v128.loadLane(64, p(), f.v128.load64Zero(p(), at(i)), 1, at(i + 1)));
      };
      if (stride === 0) {
        const x = hold(f, f.v128.load64Splat(p(), offset));
        return { kind: "double", x, y: one ? undefined : x };
      }
      if (one) return { kind: "double", x: hold(f, f.v128.load64Zero(p(), offset)), y: undefined };
      return { kind: "double", x: two(0), y: two(2) };
    }
    case "int64": {
      const number = (i: number): Code<"f64"> => f.f64.convertLong(f.i64.load(p(), at(i)));
      const x = hold(f, f.f64x2.splat(number(0)));
      if (stride === 0 || one) return { kind: "double", x, y: one ? undefined : x };
      f.set(x, f.f64x2.replace(f.get(x), 1, number(1)));
      return { kind: "double", x, y: hold(f, f.f64x2.replace(f.f64x2.splat(number(2)), 1, number(3))) };
    }
    case "float16":
    case "bfloat16": {
      const words = hold(
        f,
        stride === 1 && !one ? f.v128.load16x4Unsigned(p(), offset) : each(f, stride === 0 || one, (i) => f.i32.load16Unsigned(p(), at(i))),
      );
      return { kind: "float", x: dtype === "bfloat16" ? hold(f, f.i32x4.shl(f.get(words), f.integer(16))) : fromHalf(f, words) };
    }
    default: {
      if (stride === 1 && !one) {
        const bytes = f.v128.load32Zero(p(), offset);
        const words = dtype === "int8" ? f.i16x8.widenLow8(bytes) : f.i16x8.widenLow8Unsigned(bytes);
        return { kind: "integer", x: hold(f, dtype === "int8" ? f.i32x4.widenLow16(words) : f.i32x4.widenLow16Unsigned(words)) };
      }
      const number = (i: number): Code<"i32"> => (dtype === "int8" ? f.i32.load8(p(), at(i)) : f.i32.load8Unsigned(p(), at(i)));
      return { kind: "integer", x: hold(f, each(f, stride === 0 || one, number)) };
    }
  }
}

/** A vector of whole numbers made one by one; with `same`, of the first alone. */
function each(f: FunctionBuilder, same: boolean, number: (i: number) => Code<"i32">): Code<"v128"> {
  let x = f.i32x4.splat(number(0));
  for (let i = 1; i < 4 && !same; i++) x = f.i32x4.replace(x, i, number(i));
  return x;
}

/** Floats of 16 bits, as words, in float32. */
function fromHalf(f: FunctionBuilder, words: Vector): Vector {
  // The exponent is put right by a product, which handles numbers below the normal ones too; infinities and NaN get the largest exponent.
  const magnitude = hold(f, f.i32x4.shl(f.v128.and(f.get(words), f.integers(0x7fff)), f.integer(13)));
  const scaled = hold(f, f.f32x4.mul(f.get(magnitude), f.floats(2 ** 112)));
  const special = f.i32x4.ge(f.get(magnitude), f.integers(0x0f800000));
  const exponent = hold(f, f.v128.and(special, f.integers(0x7f800000)));
  const sign = hold(f, f.i32x4.shl(f.v128.and(f.get(words), f.integers(0x8000)), f.integer(16)));
  return hold(f, f.v128.or(f.v128.or(f.get(scaled), f.get(exponent)), f.get(sign)));
}

/** The words of the float16 nearest to floats. @source as src/base/half.ts does it */
function toHalf(f: FunctionBuilder, x: Vector): Vector {
  const magnitude = hold(f, f.v128.and(f.get(x), f.integers(0x7fffffff)));
  // 2¹⁵ + 2¹⁴ … rounds to nearest even by adding just under half and the last bit kept.
  const odd = hold(f, f.v128.and(f.i32x4.shrUnsigned(f.get(magnitude), f.integer(13)), f.integers(1)));
  const rounded = f.i32x4.add(f.i32x4.add(f.get(magnitude), f.integers(0xfff - 0x38000000)), f.get(odd));
  const out = hold(f, f.i32x4.shrUnsigned(rounded, f.integer(13)));
  const small = hold(f, f.i32x4.sub(f.f32x4.add(f.get(magnitude), f.floats(0.5)), f.integers(0x3f000000)));
  f.set(out, f.v128.bitselect(f.get(small), f.get(out), f.i32x4.lt(f.get(magnitude), f.integers(0x38800000))));
  f.set(out, f.v128.bitselect(f.integers(0x7c00), f.get(out), f.i32x4.ge(f.get(magnitude), f.integers(0x47800000))));
  f.set(out, f.v128.bitselect(f.integers(0x7e00), f.get(out), f.i32x4.gt(f.get(magnitude), f.integers(0x7f800000))));
  const sign = hold(f, f.v128.and(f.i32x4.shrUnsigned(f.get(x), f.integer(16)), f.integers(0x8000)));
  return hold(f, f.v128.or(f.get(out), f.get(sign)));
}

function toBrain(f: FunctionBuilder, x: Vector): Vector {
  const odd = hold(f, f.v128.and(f.i32x4.shrUnsigned(f.get(x), f.integer(16)), f.integers(1)));
  const out = hold(f, f.i32x4.shrUnsigned(f.i32x4.add(f.i32x4.add(f.get(x), f.integers(0x7fff)), f.get(odd)), f.integer(16)));
  const none = hold(f, f.v128.or(f.i32x4.shrUnsigned(f.get(x), f.integer(16)), f.integers(0x40)));
  return hold(f, f.v128.bitselect(f.get(none), f.get(out), f.f32x4.ne(f.get(x), f.get(x))));
}

/** Stores by dtype, rounded to what it can hold. */
export function store(f: FunctionBuilder, dtype: DType, pointer: Local<"i32">, offset: number, stride: number, width: Width, r: Register): void {
  const size = bytesOf(dtype);
  const at = (i: number): number => offset + i * stride * size;
  if (stride < 0 && width === 4 && at(3) < 0) {
    const moved = f.hold("i32", f.plus(f.get(pointer), at(3)));
    return store(f, dtype, moved, offset - at(3), stride, width, r);
  }
  const p = (): Code<"i32"> => f.get(pointer);
  const lanes = (bits: 16 | 32, x: Vector, places: (i: number) => number = (i) => i): void => {
    for (let i = 0; i < width; i++) f.v128.storeLane(bits, p(), f.get(x), places(i), at(i));
  };
  switch (dtype) {
    case "float32":
    case "int32": {
      const x = dtype === "float32" ? asFloat(f, r) : asInteger(f, r);
      return stride === 1 && width === 4 ? f.v128.store(p(), f.get(x), offset) : lanes(32, x);
    }
    case "float64": {
      const { x, y } = asDouble(f, r, width);
      if (stride === 1 && width === 4) {
        f.v128.store(p(), f.get(x), offset);
        return f.v128.store(p(), f.get(y!), offset + 16);
      }
      for (let i = 0; i < width; i++) f.v128.storeLane(64, p(), f.get(i < 2 ? x : y!), i & 1, at(i));
      return;
    }
    case "int64": {
      const { x, y } = asDouble(f, r, width);
      for (let i = 0; i < width; i++) {
        const number = f.hold("f64", f.f64x2.extract(f.get(i < 2 ? x : y!), i & 1));
        // Multiplied away: what does not fit becomes 0.
        const fits = f.hold("i64", f.i64.extend(f.f64.lt(f.f64.abs(f.get(number)), f.double(2 ** 63))));
        f.i64.store(p(), f.i64.mul(f.i64.truncate(f.get(number)), f.get(fits)), at(i));
      }
      return;
    }
    case "float16":
    case "bfloat16": {
      const single = asFloat(f, r);
      return lanes(16, dtype === "float16" ? toHalf(f, single) : toBrain(f, single), (i) => 2 * i);
    }
    default: {
      const whole = dtype === "bool" ? truth(f, r) : asInteger(f, r);
      if (stride === 1 && width === 4) {
        const packed = hold(f, f.v128.shuffle(f.get(whole), f.get(whole), [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]));
        return f.v128.storeLane(32, p(), f.get(packed), 0, offset);
      }
      for (let i = 0; i < width; i++) f.v128.storeLane(8, p(), f.get(whole), 4 * i, at(i));
    }
  }
}

/** 1 where a number is not 0. */
export function truth(f: FunctionBuilder, r: Register): Vector {
  if (r.kind === "integer") return hold(f, f.i32x4.neg(f.i32x4.ne(f.get(r.x), f.integers(0))));
  if (r.kind === "float") return hold(f, f.i32x4.neg(f.f32x4.ne(f.get(r.x), f.floats(0))));
  const low = f.f64x2.ne(f.get(r.x), f.doubles(0));
  const high = r.y ? f.f64x2.ne(f.get(r.y), f.doubles(0)) : f.doubles(0);
  return hold(f, f.i32x4.neg(f.v128.shuffle32(low, high, [0, 2, 4, 6])));
}

/** What numbers become in a dtype: rounded, or cut off at the point and wrapped around. */
export function cast(f: FunctionBuilder, dtype: DType, r: Register, width: Width): Register {
  switch (dtype) {
    case "float32":
      return { kind: "float", x: asFloat(f, r) };
    case "float64":
      return { kind: "double", ...asDouble(f, r, width) };
    case "int32":
      return { kind: "integer", x: asInteger(f, r) };
    case "bool":
      return { kind: "integer", x: truth(f, r) };
    case "uint8":
      return { kind: "integer", x: hold(f, f.v128.and(f.get(asInteger(f, r)), f.integers(255))) };
    case "int8":
      return { kind: "integer", x: hold(f, f.i32x4.shr(f.i32x4.shl(f.get(asInteger(f, r)), f.integer(24)), f.integer(24))) };
    case "float16":
      return { kind: "float", x: fromHalf(f, toHalf(f, asFloat(f, r))) };
    case "bfloat16":
      return { kind: "float", x: hold(f, f.i32x4.shl(f.get(toBrain(f, asFloat(f, r))), f.integer(16))) };
    case "int64": {
      if (r.kind === "integer") return r;
      const { x, y } = asDouble(f, r, width);
      // What does not fit becomes 0, and −0 becomes 0.
      const one = (v: Vector): Vector =>
        hold(f, f.f64x2.add(f.v128.and(f.f64x2.trunc(f.get(v)), f.f64x2.lt(f.f64x2.abs(f.get(v)), f.doubles(2 ** 63))), f.doubles(0)));
      return { kind: "double", x: one(x), y: y && one(y) };
    }
  }
}
