/** Folds: many numbers made one, in several vectors at a time, which are joined at the end. */
import type { FunctionBuilder } from "./assembler.ts";
import { Lanes, type Vector } from "./lanes.ts";
import { asDouble, asFloat, type Register, type Width } from "./numbers.ts";

export type FoldOp = "sum" | "max" | "min" | "prod" | "argMax" | "argMin";

const starts: Readonly<Record<FoldOp, number>> = { sum: 0, prod: 1, max: -Infinity, min: Infinity, argMax: -Infinity, argMin: Infinity };

/** What a fold keeps for each lane: the number, and of argMax and argMin its place. */
type State = readonly Vector[];

export class Folding {
  readonly #f: FunctionBuilder;
  readonly #op: FoldOp;
  readonly #wide: boolean;
  readonly #o: Lanes;
  readonly #places: boolean;
  /** States that vectors of four are joined to, each twice where lanes are doubles. */
  readonly #full: State[] = [];
  /** Of numbers done one at a time; lane 0 counts. */
  readonly #single: State;

  /** `ways`: vectors of four that are folded apart, so that one does not wait for another. `wide`: in doubles. */
  constructor(f: FunctionBuilder, op: FoldOp, wide: boolean, ways: number) {
    this.#f = f;
    this.#op = op;
    this.#wide = wide;
    this.#o = new Lanes(f, wide, wide ? 2 : 4);
    this.#places = op === "argMax" || op === "argMin";
    const state = (): State => (this.#places ? [f.local("v128"), f.local("v128")] : [f.local("v128")]);
    for (let i = 0; i < ways * (wide ? 2 : 1); i++) this.#full.push(state());
    this.#single = state();
  }

  begin(): void {
    for (const state of [...this.#full, this.#single]) {
      this.#f.set(state[0]!, this.#o.code(starts[this.#op]));
      if (this.#places) this.#f.set(state[1]!, this.#o.code(0));
    }
  }

  /** Joins numbers, and for argMax and argMin their places, to way `way`. */
  add(way: number, width: Width, x: Register, place?: Register): void {
    const parts = (r: Register): (Vector | undefined)[] => {
      if (!this.#wide) return [asFloat(this.#f, r)];
      const { x, y } = asDouble(this.#f, r, width);
      return [x, width === 4 ? y : undefined];
    };
    const [first, second] = parts(x);
    const places = place ? parts(place) : [];
    const state = (i: number): State => (width === 1 ? this.#single : this.#full[(this.#wide ? 2 * way : way) + i]!);
    this.#join(state(0), [first!, ...(places[0] ? [places[0]] : [])]);
    if (second) this.#join(state(1), [second, ...(places[1] ? [places[1]] : [])]);
  }

  /** state = state joined with other */
  #join(state: State, other: State): void {
    const o = this.#o;
    const [a, b] = [state[0]!, other[0]!];
    const to = (x: Vector): void => this.#f.set(a, this.#f.get(x));
    switch (this.#op) {
      case "sum":
        return to(o.add(a, b));
      case "prod":
        return to(o.mul(a, b));
      case "max":
        return to(o.max(a, b));
      case "min":
        return to(o.min(a, b));
      default: {
        const [at, other1] = [state[1]!, other[1]!];
        const beyond = this.#op === "argMax" ? o.gt(b, a) : o.lt(b, a);
        // NaN is further out than all numbers; of two that are equal the first counts.
        const odd = o.ne(b, b);
        const known = o.eq(a, a);
        const equal = o.or(o.eq(a, b), o.select(known, 0, odd));
        const earlier = o.and(equal, o.lt(other1, at));
        const better = o.or(o.or(beyond, o.and(odd, known)), earlier);
        this.#f.set(a, this.#f.get(o.select(better, b, a)));
        this.#f.set(at, this.#f.get(o.select(better, other1, at)));
      }
    }
  }

  /** The result in every lane. */
  end(): Register {
    const f = this.#f;
    const [total, ...others] = this.#full;
    for (const other of others) this.#join(total!, other);
    const turned = (places: readonly number[]): State => total!.map((v) => f.hold("v128", f.v128.shuffle32(f.get(v), f.get(v), places)));
    this.#join(total!, turned([2, 3, 0, 1]));
    if (!this.#wide) this.#join(total!, turned([1, 0, 3, 2]));
    this.#join(total!, this.#single);
    const result = this.#places ? total![1]! : total![0]!;
    const x = f.hold("v128", f.v128.shuffle32(f.get(result), f.get(result), this.#wide ? [0, 1, 0, 1] : [0, 0, 0, 0]));
    return this.#wide ? { kind: "double", x, y: x } : { kind: "float", x };
  }

  /** The results of way `way`, lane by lane: of folds down columns. */
  column(way: number, width: Width): Register {
    const state = (i: number): Vector => (width === 1 ? this.#single : this.#full[(this.#wide ? 2 * way : way) + i]!)[this.#places ? 1 : 0]!;
    return this.#wide ? { kind: "double", x: state(0), y: width === 4 ? state(1) : undefined } : { kind: "float", x: state(0) };
  }
}
