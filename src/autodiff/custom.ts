/** Values whose gradient is given instead of derived. */
import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { constant, defineOp, type Op, type VariadicOp } from "../graph/op.ts";
import { substitute } from "../graph/substitute.ts";
import { everyOne } from "../ops/examples.ts";
import { broadcast, sum } from "../ops/spread.ts";

/** Stands for what will flow back to a value with a given gradient. Wherever a gradient is taken, the real flow takes its place; nobody reads its zeros. */
export const arriving: Op<[], [shape: Shape, dtype: DType]> = defineOp({
  name: "arriving",
  kind: "composite",
  inputs: [],
  attrs: (_, shape: Shape, dtype: DType) => ({ shape, dtype }),
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
  constant: true,
  decompose: (_, { shape, dtype }) => broadcast(constant(0, dtype), shape),
  cases: [],
  method: false,
});

/** Its first input. Then come what stands for the flow that arrives, `count` nodes the value is made from, and what flows back to each of those. */
export const withGradient: VariadicOp<[count: number]> = defineOp({
  name: "withGradient",
  kind: "composite",
  inputs: ["parts"],
  variadic: true,
  attrs: (_, count: number) => ({ count }),
  shape: ([y]) => y!,
  dtype: ([y]) => y!,
  decompose: (_, __, node) => node.inputs[0]!,
  gradient: (dy, _, { count }, node) => {
    const flow = node.inputs[1]!;
    return {
      parts: [...node.inputs.slice(0, 2), ...substitute(node.inputs.slice(2 + count), new Map([[flow, dy]]))].map((x, i) => (i < 2 ? undefined : x)) as Node[],
    };
  },
  batch: (examples, { count: n }) => {
    const all = everyOne(examples);
    const from = examples.inputs.slice(2, 2 + n);
    // What is the same for all examples gets the sum of what flows back from each.
    const flows = all.slice(2 + n).map((flow, i) => (examples.varies[2 + i] ? flow : sum(flow, 0)));
    return withGradient([all[0]!, all[1]!, ...from, ...flows], n);
  },
  cases: [],
  method: false,
});
