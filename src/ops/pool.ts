/** Pooling, channels last. */
import { size } from "../base/shape.ts";
import { constant, defineOp, type Op } from "../graph/op.ts";
import { div } from "./arithmetic.ts";
import { floating } from "./elementwise.ts";
import { joinBatch } from "./examples.ts";
import { broadcast } from "./spread.ts";
import { type Window, windowArgMax, windowSum, windowTake } from "./window.ts";

/**
 * The largest number each window sees; its gradient goes to the first of equal ones.
 * @shape [batch, ...spatial, channels] → [batch, ...out, channels]
 */
export const maxPool: Op<["x"], [options: Window]> = defineOp({
  name: "maxPool",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], options: Window) => windowSum.attrs!([x!], options),
  shape: ([x], attrs) => windowSum.shape([x!], attrs),
  decompose: ({ x }, attrs) => windowTake(x, windowArgMax(x, attrs), attrs),
  batch: joinBatch,
  cases: [
    { shapes: [[2, 4, 6, 3]], args: [{ window: 2 }] },
    { shapes: [[1, 5, 5, 2]], args: [{ window: 3, stride: 2, padding: 1 }] },
  ],
  method: false,
});

/** Average pooling: whether padding counts as zeros seen, as PyTorch has it, or not, as Keras has it. */
export interface AverageWindow extends Window {
  readonly countPadding?: boolean;
}

/**
 * The mean of what each window sees; padding is not counted unless `countPadding` says so.
 * @shape [batch, ...spatial, channels] → [batch, ...out, channels]
 */
export const avgPool: Op<["x"], [options: AverageWindow]> = defineOp({
  name: "avgPool",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], { countPadding = false, ...options }: AverageWindow) => ({ ...windowSum.attrs!([x!], options), countPadding }),
  shape: ([x], attrs) => windowSum.shape([x!], attrs),
  dtype: floating,
  decompose: ({ x }, { countPadding, ...attrs }) => {
    const padded = (attrs.padding as number[][]).some(([low, high]) => low! > 0 || high! > 0);
    if (countPadding || !padded) return div(windowSum(x, attrs), size(attrs.window));
    const ones = broadcast(constant(1, floating([x.dtype])), [1, ...x.shape.slice(1, -1), 1]);
    return div(windowSum(x, attrs), windowSum(ones, attrs));
  },
  batch: joinBatch,
  cases: [
    { shapes: [[2, 4, 6, 3]], args: [{ window: 2 }] },
    { shapes: [[1, 5, 5, 2]], args: [{ window: 3, stride: 2, padding: 1 }] },
    { shapes: [[1, 5, 5, 2]], args: [{ window: 3, stride: 2, padding: 1, countPadding: true }] },
    { shapes: [[1, 5, 1]], args: [{ window: 2, padding: "same" }] },
  ],
  method: false,
});
