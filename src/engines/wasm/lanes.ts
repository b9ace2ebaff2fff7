/** Arithmetic on vectors of floats or of doubles, each result in a local of its own. */
import type { Callable, Code, FunctionBuilder, Local } from "./assembler.ts";
import type { F32x4 } from "./instructions.ts";

export type Vector = Local<"v128">;
/** A vector, or a number in every lane. */
export type Operand = Vector | number;

export class Lanes {
  readonly f: FunctionBuilder;
  readonly wide: boolean;
  /** How many lanes mean something: one while numbers are done one at a time. */
  readonly live: number;
  /** The instructions that floats and doubles have alike. */
  readonly #by: Pick<F32x4, "add" | "sub" | "mul" | "div" | "min" | "max" | "sqrt" | "abs" | "neg" | "floor" | "ceil" | "trunc" | "nearest"> &
    Pick<F32x4, "lt" | "le" | "gt" | "ge" | "eq" | "ne">;

  constructor(f: FunctionBuilder, wide: boolean, live: number) {
    this.f = f;
    this.wide = wide;
    this.live = live;
    this.#by = wide ? f.f64x2 : f.f32x4;
  }

  code(x: Operand): Code<"v128"> {
    return typeof x !== "number" ? this.f.get(x) : this.wide ? this.f.doubles(x) : this.f.floats(x);
  }
  hold(x: Code<"v128">): Vector {
    return this.f.hold("v128", x);
  }
  constant(x: number): Vector {
    return this.hold(this.code(x));
  }

  add(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.add(this.code(a), this.code(b)));
  }
  sub(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.sub(this.code(a), this.code(b)));
  }
  mul(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.mul(this.code(a), this.code(b)));
  }
  div(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.div(this.code(a), this.code(b)));
  }
  /** The smaller and the larger one; NaN if either is. */
  min(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.min(this.code(a), this.code(b)));
  }
  max(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.max(this.code(a), this.code(b)));
  }
  /** a * b + c */
  sum(a: Operand, b: Operand, c: Operand): Vector {
    if (this.wide) return this.add(this.mul(a, b), c);
    return this.hold(this.f.multiplyAdd(this.code(a), this.code(b), this.code(c)));
  }
  /** c − a * b */
  rest(a: Operand, b: Operand, c: Operand): Vector {
    if (this.wide) return this.sub(c, this.mul(a, b));
    return this.hold(this.f.subtractProduct(this.code(a), this.code(b), this.code(c)));
  }
  /** c[0] x^(n−1) + … + c[n−1] */
  polynomial(x: Vector, c: readonly number[]): Vector {
    let p: Operand = c[0]!;
    for (const next of c.slice(1)) p = this.sum(p, x, next);
    return p as Vector;
  }

  sqrt(a: Operand): Vector {
    return this.hold(this.#by.sqrt(this.code(a)));
  }
  abs(a: Operand): Vector {
    return this.hold(this.#by.abs(this.code(a)));
  }
  neg(a: Operand): Vector {
    return this.hold(this.#by.neg(this.code(a)));
  }
  floor(a: Operand): Vector {
    return this.hold(this.#by.floor(this.code(a)));
  }
  ceil(a: Operand): Vector {
    return this.hold(this.#by.ceil(this.code(a)));
  }
  trunc(a: Operand): Vector {
    return this.hold(this.#by.trunc(this.code(a)));
  }
  nearest(a: Operand): Vector {
    return this.hold(this.#by.nearest(this.code(a)));
  }

  // Comparisons give masks: all bits of a lane, or none.
  lt(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.lt(this.code(a), this.code(b)));
  }
  le(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.le(this.code(a), this.code(b)));
  }
  gt(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.gt(this.code(a), this.code(b)));
  }
  ge(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.ge(this.code(a), this.code(b)));
  }
  eq(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.eq(this.code(a), this.code(b)));
  }
  ne(a: Operand, b: Operand): Vector {
    return this.hold(this.#by.ne(this.code(a), this.code(b)));
  }
  and(a: Operand, b: Operand): Vector {
    return this.hold(this.f.v128.and(this.code(a), this.code(b)));
  }
  or(a: Operand, b: Operand): Vector {
    return this.hold(this.f.v128.or(this.code(a), this.code(b)));
  }
  xor(a: Operand, b: Operand): Vector {
    return this.hold(this.f.v128.xor(this.code(a), this.code(b)));
  }
  /** `yes` where the mask is set. */
  select(mask: Vector, yes: Operand, no: Operand): Vector {
    return this.hold(this.f.choose(this.code(yes), this.code(no), this.f.get(mask)));
  }
  /** 1 where the mask is set, else 0. */
  truth(mask: Vector): Vector {
    return this.and(mask, 1);
  }
  sign(a: Vector): Vector {
    return this.and(a, -0);
  }

  /** Floats that are whole numbers as int32, and back. */
  integers(a: Vector): Vector {
    return this.hold(this.f.i32x4.truncate(this.f.get(a)));
  }

  /** 2^k for floats that are whole numbers between −126 and 127. */
  #power(k: Vector): Vector {
    const { i32x4, get, integers, integer } = this.f;
    return this.hold(i32x4.shl(i32x4.add(get(k), integers(127)), integer(23)));
  }

  /** x 2^k, for floats and whole k up to twice what an exponent holds. */
  scale(x: Vector, k: Vector): Vector {
    const whole = this.integers(k);
    const half = this.hold(this.f.i32x4.shr(this.f.get(whole), this.f.integer(1)));
    const other = this.hold(this.f.i32x4.sub(this.f.get(whole), this.f.get(half)));
    return this.mul(this.mul(x, this.#power(half)), this.#power(other));
  }

  /** Lane by lane through a function of doubles. */
  each(callable: Callable, args: readonly Operand[]): Vector {
    const { f } = this;
    const held = args.map((a) => (typeof a === "number" ? this.constant(a) : a));
    const out = f.local("v128");
    for (let lane = 0; lane < this.live; lane++) {
      const result = f.hold(
        "f64",
        f.call(callable, ...held.map((a) => (this.wide ? f.f64x2.extract(f.get(a), lane) : f.f64.promote(f.f32x4.extract(f.get(a), lane))))),
      );
      f.set(out, this.wide ? f.f64x2.replace(f.get(out), lane, f.get(result)) : f.f32x4.replace(f.get(out), lane, f.f32.demote(f.get(result))));
    }
    return out;
  }
}
