/** A function of one example made a function of many. */
import { type Batched, batch } from "../autodiff/batch.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, show } from "../base/shape.ts";
import { type Node, placeholder } from "../graph/node.ts";
import { moveAxis } from "../ops/movement.ts";
import { broadcast } from "../ops/spread.ts";
import { drawnFromNow } from "./random.ts";
import { assignAll, Tensor } from "./tensor.ts";
import { traced } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";

/** Along which axis the examples lie; `null`: it is the same for all. A list or record says so for the parts of a list or record. */
export type Axis = number | null | readonly Axis[] | { readonly [name: string]: Axis };

export interface VmapOptions {
  /** Where the examples lie: one axis for all arguments, or a list with one entry an argument. Default 0. */
  inAxes?: Axis;
  /** Where they lie in the results; `null` for what is the same for all. Default 0. */
  outAxes?: Axis;
  /** Whether random numbers drawn inside differ from example to example. Default `"error"`: they may not be drawn. */
  randomness?: "error" | "different" | "same";
}

/**
 * `f`, written for one example, as a function of many at once. No loop runs: the graph of `f` is rewritten, op by op, with an axis for the examples.
 * It nests, and goes with `grad`, `jvp`, `hessian` and `compile` in any order. What `f` reads from outside is the same for all examples.
 * @throws a `shape` error when arguments have different numbers of examples, a `state` error when `f` changes something outside or draws random numbers unasked
 * @example
 * ```ts
 * const perExample = vmap(grad(loss), { inAxes: [null, 0, 0] })(weights, x, y); // a gradient for each example
 * ```
 */
export function vmap<Args extends unknown[], R>(
  f: (...args: Args) => R,
  { inAxes = 0, outAxes = 0, randomness = "error" }: VmapOptions = {},
): (...args: Args) => R {
  return (...args) => {
    if (Array.isArray(inAxes) && inAxes.length !== args.length)
      throw new CambiumError(
        "value",
        "vmap",
        `inAxes has ${inAxes.length} entries, the function got ${args.length} arguments; give one for each, or one number`,
      );
    const varying = new Map<Node, Node>();
    let first: { place: string; count: number } | undefined;
    const forOne = (x: Tensor, place: string, axis: number): Tensor => {
      const from = resolveAxis(`vmap: ${place}`, axis, x.rank);
      const count = x.shape[from]!;
      first ??= { place, count };
      if (count !== first.count)
        throw new CambiumError(
          "shape",
          "vmap",
          `${first.place} has ${first.count} examples, ${place} is ${show(x.shape)} with ${count} along axis ${axis}; there must be as many of each`,
          "inAxes says along which axis they lie; null: an argument is the same for all",
        );
      const stand = placeholder(x.shape.toSpliced(from, 1), x.dtype, x.requiresGrad);
      varying.set(stand, from === 0 ? x.node : moveAxis(x.node, from, 0));
      return new Tensor(stand);
    };
    const given = args.map((arg, i) => {
      const axes = Array.isArray(inAxes) ? inAxes[i] : inAxes;
      return axes === null ? arg : withAxes(`argument ${i}`, arg, axes, (x, place, axis) => (axis === null ? x : forOne(x, place, axis)));
    }) as Args;
    if (!first) throw new CambiumError("value", "vmap", "no argument has examples: inAxes are all null", "give at least one argument an axis");
    const { count } = first as { count: number };

    const drawnInside = drawnFromNow();
    const { result, changes, graded } = traced(() => f(...given));
    if (graded > 0)
      throw new CambiumError(
        "state",
        "vmap",
        "backward() inside would leave one gradient for many examples",
        "use grad: vmap(grad(f)) gives each example its own",
      );
    const outputs = tensorsIn("vmap", "the result", result);
    const fresh = (stream: Node): boolean => {
      if (!drawnInside(stream) || randomness === "same") return false;
      if (randomness === "different") return true;
      throw new CambiumError(
        "state",
        "vmap",
        "the function draws random numbers; whether each example has its own must be said",
        'vmap(f, { randomness: "different" }), or "same"; a model in eval() draws none',
      );
    };
    const roots = [...outputs.map((y) => y.leaf), ...changes.map(({ to }) => to)];
    const done = batch(roots, varying, { count, fresh });
    changes.forEach(({ tensor }, i) => {
      const { node, varies } = done[outputs.length + i]!;
      if (varies)
        throw new CambiumError(
          "state",
          "vmap",
          `the function changes a tensor of shape ${show(node.shape.slice(1))} from outside into something that differs from example to example`,
          "batch normalisation in training does so: use eval(), or return what should change",
        );
      assignAll([[tensor as Tensor, new Tensor(node)]]);
    });
    let i = 0;
    return withAxes("the result", result, outAxes, (_, place, axis) => new Tensor(placed(done[i++]!, place, axis, count))) as R;
  };
}

/** What an example's result has become, with the examples along `axis`. */
function placed({ node, varies }: Batched, place: string, axis: number | null, count: number): Node {
  if (axis === null) {
    if (!varies) return node;
    throw new CambiumError("value", "vmap", `${place} differs from example to example, but its outAxes is null`, "give it an axis, e.g. 0");
  }
  const all = varies ? node : broadcast(node, [count, ...node.shape]);
  if (axis === 0) return all;
  return moveAxis(all, 0, resolveAxis(`vmap: ${place}`, axis, all.shape.length));
}

/** A tree with each tensor put through `change` along with its axis: one for all, or a list or record of the tree's form. */
function withAxes(place: string, tree: unknown, axes: Axis | undefined, change: (x: Tensor, place: string, axis: number | null) => Tensor): unknown {
  if (axes === null || typeof axes === "number") return mapTree("vmap", place, tree, (x, at) => change(x, at, axes));
  if (tree instanceof Tensor || typeof axes !== "object")
    throw new CambiumError(
      "value",
      "vmap",
      `${place} has no axis that fits it: ${JSON.stringify(axes)}`,
      "an axis is a number, null, or a list or record of the same form",
    );
  const part = (key: string | number): Axis | undefined => (axes as Record<string | number, Axis>)[key];
  if (Array.isArray(tree)) return tree.map((child, i) => withAxes(`${place}[${i}]`, child, part(i), change));
  return Object.fromEntries(Object.entries(tree as object).map(([name, child]) => [name, withAxes(`${place}.${name}`, child, part(name), change)]));
}
