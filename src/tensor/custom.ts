/** Functions whose way back is not derived from their way there. */
import { arriving, withGradient } from "../autodiff/custom.ts";
import { rematerialised } from "../autodiff/remat.ts";
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { watch } from "../graph/op.ts";
import { castTo } from "../ops/cast.ts";
import { spreadTo } from "../ops/spread.ts";
import { constant } from "../graph/op.ts";
import { Tensor } from "./tensor.ts";
import { inlining } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";

/** What flows back to each argument: something in its form, or nothing. A function of one argument may give that alone. */
export type Flows<Args extends unknown[]> = { [K in keyof Args]?: Args[K] | undefined } | (Args extends [infer Only] ? Only : never);

/**
 * `f` with a gradient of your own: `backward` is told what flows back to the value, the arguments and the value, and says what flows back to each argument.
 * Both are made of tensor operations, so second derivatives, `vmap` and `compile` go through. Only arguments get a gradient, not what `f` reads from outside.
 * @throws a `shape` error when what flows back to an argument has another shape
 * @source TensorFlow `custom_gradient`, PyTorch `autograd.Function`
 * @example
 * ```ts
 * const log1pexp = customGradient((x: Tensor) => x.exp().add(1).log(), (dy, [x]) => dy.mul(x.sigmoid()));
 * ```
 */
export function customGradient<Args extends unknown[]>(
  f: (...args: Args) => Tensor,
  backward: (dy: Tensor, args: Args, value: Tensor) => Flows<Args>,
): (...args: Args) => Tensor {
  return (...args) => {
    const value = f(...args);
    if (!(value instanceof Tensor)) throw new CambiumError("value", "customGradient", `the function must return a tensor, it returned ${typeof value}`);
    if (!isFloat(value.dtype)) return value;
    const flow = arriving(value.shape, value.dtype);
    const given: unknown = backward(new Tensor(flow), args, value);
    const back = Array.isArray(given) && !(args.length === 1 && Array.isArray(args[0])) ? given : [given];
    if (back.length !== args.length)
      throw new CambiumError(
        "value",
        "customGradient",
        `${args.length} arguments need as many gradients, backward returned ${back.length}`,
        "undefined says that nothing flows back",
      );
    const from: Node[] = [];
    const flows: Node[] = [];
    args.forEach((arg, i) => {
      if (back[i] === undefined) return;
      const take = (x: Tensor, place: string, dx: unknown): void => {
        if (dx === undefined) return;
        const node = typeof dx === "number" ? spreadTo(constant(dx, x.dtype), x.shape) : (dx as Tensor).node;
        if (!same(node.shape, x.shape))
          throw new CambiumError(
            "shape",
            "customGradient",
            `what flows back to ${place} is ${show(node.shape)}, ${place} is ${show(x.shape)}; shapes must be equal`,
          );
        from.push(x.node);
        flows.push(castTo(node, x.dtype));
      };
      mapTree("customGradient", `argument ${i}`, arg, take, back[i]);
    });
    return new Tensor(withGradient([value.node, flow, ...from, ...flows], from.length));
  };
}

/**
 * `f`, but what it computes on the way is not kept for the way back: it is computed again there. Values and gradients are the same to the last bit;
 * a step needs less memory and more time. Wrap the blocks of a deep model, not the whole of it.
 * @source Chen et al., "Training deep nets with sublinear memory cost" (2016); PyTorch `checkpoint`, JAX `remat`
 * @example
 * ```ts
 * for (const block of blocks) x = remat((h: Tensor) => block.forward(h))(x);
 * ```
 */
export function remat<Args extends unknown[], R>(f: (...args: Args) => R): (...args: Args) => R {
  return (...args) => {
    const made = new Set<Node>();
    const result = watch(
      (node) => made.add(node),
      () => inlining(() => f(...args)),
    );
    tensorsIn("remat", "the result", result);
    return mapTree("remat", "the result", result, (y) => new Tensor(rematerialised(y.leaf, made)));
  };
}
