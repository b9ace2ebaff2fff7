/** Numbers that are as good as equal, and numbers put in place of those that are none. */
import { broadcastShapes } from "../base/shape.ts";
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { abs, add, mul, sub } from "./arithmetic.ts";
import { equal, isFinite, isNaN, lessEqual, logicalAnd, logicalOr, where } from "./compare.ts";
import { truth } from "./elementwise.ts";

/** How close is close: `|a − b| ≤ atol + rtol · |b|`. */
export interface Closeness {
  /** Default 1e-5. */
  readonly rtol?: number;
  /** Default 1e-8. */
  readonly atol?: number;
  /** Whether NaN counts as equal to NaN. Default `false`. */
  readonly equalNan?: boolean;
}

/**
 * Whether `a` and `b` are equal but for roundings; infinities only where they are the same.
 * @source NumPy's and PyTorch's `isclose`
 */
export const isClose: Op<["a", "b"], [options?: Closeness]> = defineOp({
  name: "isClose",
  kind: "composite",
  inputs: ["a", "b"],
  attrs: (_, { rtol = 1e-5, atol = 1e-8, equalNan = false } = {}) => {
    if (!(rtol >= 0 && atol >= 0)) throw new CambiumError("value", "isClose", `rtol is ${rtol}, atol ${atol}; both are numbers from 0`);
    return { rtol, atol, equalNan };
  },
  shape: ([a, b]) => broadcastShapes("isClose", a!, b!),
  dtype: truth,
  decompose: ({ a, b }, { rtol, atol, equalNan }) => {
    const near = logicalOr(equal(a, b), logicalAnd(isFinite(b), lessEqual(abs(sub(a, b)), add(mul(abs(b), rtol), atol))));
    return equalNan ? logicalOr(near, logicalAnd(isNaN(a), isNaN(b))) : near;
  },
  cases: [
    { shapes: [[7], [7]], args: [], values: [[1, 1, Infinity, -Infinity, Number.NaN, 1e10, 0], [1.000001, 1.1, Infinity, Infinity, Number.NaN, Infinity, 1e-9]] },
    { shapes: [[3], [3]], args: [{ rtol: 0, atol: 0.5, equalNan: true }], values: [[1, Number.NaN, 3], [1.5, Number.NaN, 4]] },
    { shapes: [[2, 1], [3]], args: [], dtypes: ["int32", "int32"], values: [[1, 2], [1, 2, 3]] },
  ],
});

/** What stands in for a number that is none. */
export interface Substitutes {
  /** Default 0. */
  readonly nan?: number;
  /** For ∞. Default: the dtype's largest number. */
  readonly posInf?: number;
  /** For −∞. Default: the dtype's smallest number. */
  readonly negInf?: number;
}

const largest: Readonly<Record<string, number>> = { float16: 65504, bfloat16: 3.3895313892515355e38, float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/**
 * NaN and infinities replaced by numbers.
 * @source NumPy's `nan_to_num`
 */
export const nanToNum: Op<["x"], [substitutes?: Substitutes]> = defineOp({
  name: "nanToNum",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, { nan = 0, posInf, negInf } = {}) => ({ nan, posInf, negInf }),
  shape: ([x]) => x!,
  dtype: ([x]) => x!,
  decompose: ({ x }, { nan, posInf, negInf }) => {
    if (!isFloat(x.dtype)) return x;
    const most = largest[x.dtype]!;
    return where(isNaN(x), nan, where(equal(x, Infinity), posInf ?? most, where(equal(x, -Infinity), negInf ?? -most, x)));
  },
  cases: [
    { shapes: [[4]], args: [], values: [[1.5, Number.NaN, 3, -2]] },
    { shapes: [[4]], args: [{ nan: 7, posInf: 9, negInf: -9 }], values: [[1.5, Number.NaN, Infinity, -Infinity]] },
    { shapes: [[2]], args: [], dtypes: ["int32"] },
  ],
});
