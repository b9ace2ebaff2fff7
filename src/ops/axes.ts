/** How an op's use for one example becomes its use for many, whose axis lies in front: the simplest rules, for ops of one input. */
import type { Node } from "../graph/node.ts";
import { type Examples, used } from "../graph/op.ts";

/** For ops whose settings name axes: they lie one further on. */
export const shiftAxes = ({ inputs }: Examples, attrs: any, node: Node): Node =>
  used(node, inputs, {
    ...attrs,
    ...(attrs["axes"] !== undefined && { axes: (attrs["axes"] as number[]).map((axis) => axis + 1) }),
    ...(attrs["axis"] !== undefined && { axis: (attrs["axis"] as number) + 1 }),
  });

/** For ops that do not mind an axis in front. */
export const leadAxis = ({ inputs }: Examples, attrs: any, node: Node): Node => used(node, inputs, attrs);
