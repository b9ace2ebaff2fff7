/** The discrete Fourier transform. A complex number is a last axis of size 2: its real and its imaginary part. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show, strides } from "../base/shape.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { shiftAxes } from "./axes.ts";
import { add, mul, neg } from "./arithmetic.ts";
import { castTo } from "./cast.ts";
import { floating } from "./elementwise.ts";
import { moveAxis, reshape } from "./movement.ts";
import { matmul } from "./matmul.ts";
import { cos, sin } from "./trigonometry.ts";
import { mod } from "./rounding.ts";
import { range } from "./gather.ts";
import { eachPosition } from "./positions.ts";
import { concat, slice } from "./slice.ts";

/**
 * The sums Σ x_k e^(∓2πi jk/n) along `axis`, nothing divided: minus forward, plus with `inverse`. Any length takes n log n steps.
 * @shape [..., n, ..., 2] → the same
 */
export const dft: Op<["x"], [axis?: number, inverse?: boolean]> = defineOp({
  name: "dft",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axis = -1, inverse = false) => {
    if (x!.at(-1) !== 2) throw new CambiumError("shape", "fft", `the input is ${show(x!)}; complex numbers have a last axis of size 2: real and imaginary part`, "rfft takes real numbers");
    return { axis: resolveAxis("fft", axis, x!.length - 1), backward: inverse };
  },
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, _, { axis, backward }) => ({ x: dft(dy, axis, !backward) }),
  // A product with the matrix of all powers of the n-th root of 1.
  decompose: ({ x, out }, { axis, backward }) => {
    const n = x.shape[axis]!;
    const turns = mul(castTo(mod(mul(range([n, 1], 0, "float64"), range([n], 0, "float64")), Math.max(n, 1)), "float64"), ((backward ? 2 : -2) * Math.PI) / Math.max(n, 1));
    const [c, s] = [castTo(cos(turns), out.dtype), castTo(sin(turns), out.dtype)];
    const last = x.shape.length - 1;
    const lines = moveAxis(castTo(x, out.dtype), axis, last - 1);
    const part = (i: number) => slice(lines, [...lines.shape.slice(0, -1).map(() => 0), i], [...lines.shape.slice(0, -1), i + 1]);
    const [re, im] = [part(0), part(1)];
    const made = concat([add(matmul(c, re), neg(matmul(s, im))), add(matmul(s, re), matmul(c, im))], last);
    return moveAxis(reshape(made, lines.shape), last - 1, axis);
  },
  reference: (out, [x], { axis, backward }) => {
    const n = x!.shape[axis]!;
    const steps = strides(x!.shape);
    const roots = Array.from({ length: n }, (_, k) => [Math.cos((2 * Math.PI * k) / n), (backward ? 1 : -1) * Math.sin((2 * Math.PI * k) / n)] as const);
    const lead = x!.shape.slice(0, -1).with(axis, Math.min(1, n));
    eachPosition(lead, steps.slice(0, -1), (_, from) => {
      for (let j = 0; j < n; j++) {
        let [re, im] = [0, 0];
        for (let k = 0; k < n; k++) {
          const [c, s] = roots[(j * k) % n]!;
          const [a, b] = [x!.data[from + k * steps[axis]!]!, x!.data[from + k * steps[axis]! + 1]!];
          re += a * c - b * s;
          im += a * s + b * c;
        }
        out.data[from + j * steps[axis]!] = re;
        out.data[from + j * steps[axis]! + 1] = im;
      }
    });
  },
  batch: shiftAxes,
  cases: [
    ...[1, 2, 3, 5, 8, 12, 47, 60].map((n) => ({ shapes: [[n, 2]], args: [] as [] })),
    { shapes: [[3, 6, 2]], args: [0, true] },
    { shapes: [[2, 14, 3, 2]], args: [1] },
    { shapes: [[2, 94, 2]], args: [1, true] },
    { shapes: [[2, 0, 2]], args: [1] },
  ],
  method: false,
});

