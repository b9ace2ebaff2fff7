import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";

/** One of the values a macro stands for, or one of the results of a loop. */
export const part: Op<["macro"], [index: number, shape: Shape, dtype: DType]> = defineOp({
  name: "part",
  kind: "macro",
  inputs: ["macro"],
  attrs: (_, index: number, shape: Shape, dtype: DType) => ({ index, shape, dtype }),
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
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
