/** Windows that move over an input, channels last, and pick or add up what they see. Each flows back through another of this file. */
import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, show, type Shape, size } from "../base/shape.ts";
import { type Case, defineOp, type Op } from "../graph/op.ts";
import { joinBatch } from "./examples.ts";
import { eachPlace, type Geometry, geometryOf, type Moves, outputSizes, perAxis } from "./geometry.ts";

/** A window's size, one number for all spatial axes or one an axis, and how it moves; its stride is its size when left out. */
export interface Window extends Moves {
  readonly window: number | readonly number[];
}

const spatial = (x: Shape): Shape => x.slice(1, -1);

function geometry(name: string, x: Shape, options: Window): Geometry {
  if (x.length < 3) throw new CambiumError("shape", name, `the input is ${show(x)}; pooling needs [batch, ...spatial, channels], 3 axes or more`);
  const window = perAxis(name, "window", options.window, x.length - 2);
  return geometryOf(name, spatial(x), window, { ...options, stride: options.stride ?? window });
}

const pooled = (name: string, x: Shape, attrs: Geometry): Shape => [x[0]!, ...outputSizes(name, spatial(x), attrs), x[x.length - 1]!];

/** Checks that something lies on the output of windows over an input of shape `input`. */
function onOutput(name: string, what: string, given: Shape, input: Shape, attrs: Geometry): void {
  const expected = pooled(name, input, attrs);
  if (!same(given, expected)) throw new CambiumError("shape", name, `${what} is ${show(given)}; windows over ${show(input)} give ${show(expected)}`);
}

/** Visits every place of every window as `visit(o, k, i)`: positions in the output and the input, and the place in the window. */
function eachSeen(input: Shape, output: Shape, attrs: Geometry, visit: (o: number, k: number, i: number) => void): void {
  const channels = input[input.length - 1]!;
  const [inner, outer] = [size(spatial(input)), size(spatial(output))];
  for (let n = 0; n < input[0]!; n++)
    eachPlace(spatial(input), spatial(output), attrs, (o, k, i) => {
      for (let c = 0; c < channels; c++) visit((n * outer + o) * channels + c, k, (n * inner + i) * channels + c);
    });
}

const uses: Case<[options: Window]>[] = [
  { shapes: [[2, 4, 6, 3]], args: [{ window: 2 }] },
  { shapes: [[1, 5, 5, 2]], args: [{ window: 3, stride: 2, padding: 1 }] },
  { shapes: [[2, 7, 1]], args: [{ window: 3, stride: 1, dilation: 2 }] },
  { shapes: [[1, 5, 4, 2]], args: [{ window: [2, 3], stride: [2, 1], padding: "same" }] },
  { shapes: [[1, 3, 4, 3, 2]], args: [{ window: 2, stride: 1 }] },
];

/** Where in its window the largest number is: the place counted row by row, the first of equal ones; NaN counts as largest, padding never does. */
export const windowArgMax: Op<["x"], [options: Window]> = defineOp({
  name: "windowArgMax",
  kind: "window",
  inputs: ["x"],
  attrs: ([x], options: Window) => geometry("windowArgMax", x!, options),
  shape: ([x], attrs) => pooled("windowArgMax", x!, attrs),
  dtype: (_, { window }): DType => (size(window) <= 255 ? "uint8" : "int32"),
  constant: true,
  reference: (out, [x], attrs) => {
    const best = new Float64Array(out.data.length).fill(Number.NEGATIVE_INFINITY);
    const seen = new Uint8Array(out.data.length);
    eachSeen(x!.shape, out.shape, attrs, (o, k, i) => {
      const challenger = x!.data[i]!;
      const champion = best[o]!;
      if (seen[o] && (champion !== champion || (challenger === challenger && challenger <= champion))) return;
      seen[o] = 1;
      best[o] = challenger;
      out.data[o] = k;
    });
  },
  batch: joinBatch,
  cases: uses,
  method: false,
});

/** From each window, the number at the place `index` names; 0 where that place is padding. */
export const windowTake: Op<["x", "index"], [options: Window]> = defineOp({
  name: "windowTake",
  kind: "window",
  inputs: ["x", "index"],
  attrs: ([x], options: Window) => geometry("windowTake", x!, options),
  shape: ([x, index], attrs) => {
    onOutput("windowTake", "index", index!, x!, attrs);
    return index!;
  },
  dtype: ([x]) => x!,
  gradient: (dy, { x, index }, attrs) => ({ x: windowPut(dy, index, x.shape, attrs) }),
  reference: (out, [x, index], attrs) =>
    eachSeen(x!.shape, out.shape, attrs, (o, k, i) => {
      if (index!.data[o] === k) out.data[o] = x!.data[i]!;
    }),
  batch: joinBatch,
  cases: [
    { shapes: [[1, 4, 4, 2], [1, 2, 2, 2]], args: [{ window: 2 }], dtypes: ["float32", "uint8"], values: [undefined, [0, 3, 1, 2, 2, 2, 3, 0]] },
    { shapes: [[1, 5, 1], [1, 3, 1]], args: [{ window: 3, stride: 1 }], dtypes: ["float32", "uint8"], values: [undefined, [2, 1, 0]] },
    { shapes: [[1, 3, 1], [1, 2, 1]], args: [{ window: 3, stride: 2, padding: 1 }], dtypes: ["float32", "uint8"], values: [undefined, [0, 1]] },
  ],
  method: false,
});

/** Zeros shaped like the input of the windows, with each number of `dy` added at the place of its window that `index` names. */
export const windowPut: Op<["dy", "index"], [input: Shape, options: Window]> = defineOp({
  name: "windowPut",
  kind: "window",
  inputs: ["dy", "index"],
  attrs: (_, input: Shape, options: Window) => ({ ...geometry("windowPut", input, options), input: [...input] }),
  shape: ([dy, index], attrs) => {
    onOutput("windowPut", "dy", dy!, attrs.input, attrs);
    onOutput("windowPut", "index", index!, attrs.input, attrs);
    return attrs.input;
  },
  dtype: ([dy]) => dy!,
  gradient: (dx, { index }, attrs) => ({ dy: windowTake(dx, index, attrs) }),
  reference: (out, [dy, index], attrs) =>
    eachSeen(out.shape, dy!.shape, attrs, (o, k, i) => {
      if (index!.data[o] === k) out.data[i]! += dy!.data[o]!;
    }),
  batch: joinBatch,
  cases: [
    { shapes: [[1, 2, 2, 2], [1, 2, 2, 2]], args: [[1, 4, 4, 2], { window: 2 }], dtypes: ["float32", "uint8"], values: [undefined, [0, 3, 1, 2, 2, 2, 3, 0]] },
    { shapes: [[1, 3, 1], [1, 3, 1]], args: [[1, 5, 1], { window: 3, stride: 1 }], dtypes: ["float32", "uint8"], values: [undefined, [2, 1, 0]] },
  ],
  method: false,
});

/** The sum of what each window sees. */
export const windowSum: Op<["x"], [options: Window]> = defineOp({
  name: "windowSum",
  kind: "window",
  inputs: ["x"],
  attrs: ([x], options: Window) => geometry("windowSum", x!, options),
  shape: ([x], attrs) => pooled("windowSum", x!, attrs),
  gradient: (dy, { x }, attrs) => ({ x: windowSpread(dy, x.shape, attrs) }),
  reference: (out, [x], attrs) => eachSeen(x!.shape, out.shape, attrs, (o, _, i) => (out.data[o]! += x!.data[i]!)),
  batch: joinBatch,
  cases: uses,
  method: false,
});

/** Zeros shaped like the input of the windows, with each number of `dy` added to everything its window sees. */
export const windowSpread: Op<["dy"], [input: Shape, options: Window]> = defineOp({
  name: "windowSpread",
  kind: "window",
  inputs: ["dy"],
  attrs: (_, input: Shape, options: Window) => ({ ...geometry("windowSpread", input, options), input: [...input] }),
  shape: ([dy], attrs) => {
    onOutput("windowSpread", "dy", dy!, attrs.input, attrs);
    return attrs.input;
  },
  gradient: (dx, _, attrs) => ({ dy: windowSum(dx, attrs) }),
  reference: (out, [dy], attrs) => eachSeen(out.shape, dy!.shape, attrs, (o, _, i) => (out.data[i]! += dy!.data[o]!)),
  batch: joinBatch,
  cases: [
    { shapes: [[1, 2, 3, 2]], args: [[1, 4, 6, 2], { window: 2 }] },
    { shapes: [[1, 3, 3, 2]], args: [[1, 5, 5, 2], { window: 3, stride: 2, padding: 1 }] },
  ],
  method: false,
});
