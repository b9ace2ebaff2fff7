/** Derivatives of functions, for those who think of a gradient as a function of a function. */
import { directional, gradients } from "../autodiff/gradient.ts";
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { recording } from "../graph/op.ts";
import { reshape } from "../ops/movement.ts";
import { Tensor } from "./tensor.ts";

/** `x` under another name, so that a derivative with respect to this use of it can be asked for. */
function renamed(x: Tensor): Tensor {
  const { op, inputs, attrs, shape, dtype } = reshape(x.node, x.shape);
  return new Tensor(new Node(op, inputs, attrs, shape, dtype, true));
}

function places(where: string, wrt: number | readonly number[], count: number): readonly number[] {
  const list = typeof wrt === "number" ? [wrt] : wrt;
  for (const i of list)
    if (!Number.isInteger(i) || i < 0 || i >= count) throw new CambiumError("value", where, `there is no argument ${i}; the function got ${count}`);
  return list;
}

function single(where: string, y: unknown): Tensor {
  if (!(y instanceof Tensor)) throw new CambiumError("value", where, `the function must return a tensor, it returned ${y === null ? "null" : typeof y}`);
  return y;
}

/** The value of `f` and its gradient with respect to argument `wrt` (a list: gradients in that order). */
export function valueAndGrad<Args extends Tensor[]>(f: (...args: Args) => Tensor, wrt?: number): (...args: Args) => [value: Tensor, gradient: Tensor];
export function valueAndGrad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  wrt: readonly number[],
): (...args: Args) => [value: Tensor, gradients: Tensor[]];
export function valueAndGrad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  wrt: number | readonly number[] = 0,
): (...args: Args) => [Tensor, Tensor | Tensor[]] {
  return (...args) => {
    const list = places("valueAndGrad", wrt, args.length);
    const given = args.map((x, i) => (list.includes(i) ? renamed(x) : x)) as Args;
    const value = single("valueAndGrad", f(...given));
    if (value.size !== 1)
      throw new CambiumError(
        "shape",
        "valueAndGrad",
        `only a single number has a gradient, the function returned ${show(value.shape)}`,
        "end with .sum() or .mean(), or use vjp",
      );
    const back = gradients(
      value.leaf,
      list.map((i) => given[i]!.leaf),
    ).map((node) => new Tensor(node));
    return [value, typeof wrt === "number" ? back[0]! : back];
  };
}

/**
 * The function that gives the gradient of `f` with respect to argument `wrt`. It is itself made of tensor operations, so `grad(grad(f))` works.
 * @example
 * ```ts
 * grad((x: Tensor) => x.pow(3).sum())(tensor([2])); // 3x² = 12
 * ```
 */
export function grad<Args extends Tensor[]>(f: (...args: Args) => Tensor, wrt?: number): (...args: Args) => Tensor;
export function grad<Args extends Tensor[]>(f: (...args: Args) => Tensor, wrt: readonly number[]): (...args: Args) => Tensor[];
export function grad<Args extends Tensor[]>(f: (...args: Args) => Tensor, wrt: number | readonly number[] = 0): (...args: Args) => Tensor | Tensor[] {
  const both = valueAndGrad(f, wrt as number);
  return (...args) => both(...args)[1];
}

/** The value of `f` at `args`, and the function that takes what flows back to it to what flows back to each argument. */
export function vjp<Args extends Tensor[]>(f: (...args: Args) => Tensor, ...args: Args): [value: Tensor, back: (dy: Tensor) => Tensor[]] {
  const given = args.map(renamed) as Args;
  const value = single("vjp", f(...given));
  const nodes = given.map((x) => x.leaf);
  return [
    value,
    (dy) => {
      if (!same(dy.shape, value.shape))
        throw new CambiumError("shape", "vjp", `what flows back is ${show(dy.shape)}, the value is ${show(value.shape)}; shapes must be equal`);
      return gradients(value.leaf, nodes, dy.node).map((node) => new Tensor(node));
    },
  ];
}

/** The value of `f` at `args`, and how fast it changes when the arguments move along `tangents`. */
export function jvp<Args extends Tensor[]>(f: (...args: Args) => Tensor, args: Args, tangents: readonly Tensor[]): [value: Tensor, tangent: Tensor] {
  if (tangents.length !== args.length) throw new CambiumError("value", "jvp", `${args.length} arguments need ${args.length} tangents, got ${tangents.length}`);
  tangents.forEach((t, i) => {
    if (!same(t.shape, args[i]!.shape))
      throw new CambiumError("shape", "jvp", `tangent ${i} is ${show(t.shape)}, argument ${i} is ${show(args[i]!.shape)}; shapes must be equal`);
  });
  const given = args.map(renamed) as Args;
  const value = single("jvp", f(...given));
  return [
    value,
    new Tensor(
      directional(
        value.leaf,
        given.map((x) => x.leaf),
        tangents.map((t) => t.node),
      ),
    ),
  ];
}

/** Runs `f` without recording what gradients would need: its results count as given numbers. */
export function noGrad<T>(f: () => T): T {
  const before = recording.on;
  recording.on = false;
  try {
    return f();
  } finally {
    recording.on = before;
  }
}
