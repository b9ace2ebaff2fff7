/** How an op's use for one example becomes its use for many: rules for ops of several inputs, and for ops that have a batch of their own. */
import type { Node } from "../graph/node.ts";
import { type Examples, used } from "../graph/op.ts";
import { reshape } from "./movement.ts";
import { broadcast } from "./spread.ts";

/** Every input with the examples in front; those that do not vary are copied. */
export const everyOne = ({ inputs, varies, count }: Examples): Node[] => inputs.map((x, i) => (varies[i] ? x : broadcast(x, [count, ...x.shape])));

/** `rule` for ops that want every input to vary. */
export const onEveryOne =
  (rule: (examples: Examples, attrs: any, node: Node) => Node) =>
  (examples: Examples, attrs: any, node: Node): Node =>
    rule({ ...examples, inputs: everyOne(examples) }, attrs, node);

/** For ops whose inputs have a batch along their first axis: the examples go through as one large batch. */
export const joinBatch = (examples: Examples, attrs: any, node: Node): Node => {
  const whole = attrs["input"] ? { ...attrs, input: joined([examples.count, ...attrs["input"]]) } : attrs;
  return reshape(used(node, everyOne(examples).map((x) => reshape(x, joined(x.shape))), whole), [examples.count, ...node.shape]);
};

/** A shape with its first two axes made one. */
const joined = ([count, batch, ...rest]: readonly number[]): number[] => [count! * batch!, ...rest];
