import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { isLoop, loopAttrs } from "../graph/region.ts";
import { moveAxis } from "../ops/movement.ts";

/** One of the values a macro stands for, or one of the results of a loop. */
export const part: Op<["macro"], [index: number, shape: Shape, dtype: DType]> = defineOp({
  name: "part",
  kind: "macro",
  inputs: ["macro"],
  attrs: (_, index: number, shape: Shape, dtype: DType) => ({ index, shape, dtype }),
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
  // Of a macro, the parts are batched as what they stand for. A loop stacks along its steps, in front of the examples.
  batch: ({ inputs: [loop], count }, { index, shape, dtype }, node) => {
    if (!isLoop(loop!)) return undefined;
    const stacked = index >= loopAttrs(loop!).carries;
    const whole = stacked ? [shape[0]!, count, ...shape.slice(1)] : [count, ...shape];
    const result = new Node(part, [loop!], { index, shape: whole, dtype }, whole, dtype, node.requires);
    return stacked ? moveAxis(result, 1, 0) : result;
  },
  cases: [],
  method: false,
});

const written = new WeakMap<Node, readonly Node[]>();

/** The nodes a macro stands for; written out once, so that whoever asks again gets the same ones. */
export function expansion(macro: Node): readonly Node[] {
  let nodes = written.get(macro);
  if (!nodes) written.set(macro, (nodes = macro.op!.expand!(macro.inputs, macro.attrs)));
  return nodes;
}
