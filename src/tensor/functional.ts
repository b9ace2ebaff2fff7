/** Derivatives of functions, for those who think of a gradient as a function of a function. */
import { directional, gradients } from "../autodiff/gradient.ts";
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { recording } from "../graph/op.ts";
import { add } from "../ops/arithmetic.ts";
import { reshape } from "../ops/movement.ts";
import { Tensor } from "./tensor.ts";
import { inlining } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";

/** Which arguments a derivative is taken with respect to: one, or several in a list. */
export type Argnums = number | readonly number[];

/** What is taken with respect to arguments `N`: something shaped like the argument, or a list of such. */
export type Wrt<Args extends readonly unknown[], N> = N extends number ? Args[N] : { -readonly [K in keyof N]: N[K] extends number ? Args[N[K]] : never };

export interface GradOptions<N extends Argnums = Argnums, Aux extends boolean = boolean> {
  /** Which argument the derivative is taken with respect to; a list: of each, in that order. Default 0. */
  argnums?: N;
  /** Whether the function returns `[value, more]`, of which only the value is differentiated. Default `false`. */
  hasAux?: Aux;
}

/** The arguments of a function whose derivative is being taken, and its result. */
export interface Taken<R> {
  readonly value: R;
  readonly aux: unknown;
  /** The tensors of the chosen arguments under names of their own. */
  readonly wrt: readonly Node[];
  /** Something a tensor of the chosen arguments, put together as they are. */
  rebuild(parts: readonly Node[]): any;
}

/** `x` under another name, so that a derivative with respect to this use of it can be asked for. */
function renamed(where: string, place: string, x: Tensor): Tensor {
  if (!isFloat(x.dtype)) throw new CambiumError("dtype", where, `${place} is ${x.dtype}; only floats have derivatives`, 'cast it: x.to("float32")');
  const { op, inputs, attrs, shape, dtype } = reshape(x.node, x.shape);
  return new Tensor(new Node(op, inputs, attrs, shape, dtype, true));
}

/** Calls `f` so that derivatives with respect to the arguments `argnums` can be taken. */
export function take<R>(where: string, f: (...args: any[]) => unknown, args: readonly unknown[], argnums: Argnums, hasAux = false): Taken<R> {
  const list = typeof argnums === "number" ? [argnums] : argnums;
  for (const i of list)
    if (!Number.isInteger(i) || i < 0 || i >= args.length) throw new CambiumError("value", where, `there is no argument ${i}; the function got ${args.length}`);
  const given = args.map((arg, i) => (list.includes(i) ? mapTree(where, `argument ${i}`, arg, (x, place) => renamed(where, place, x)) : arg));
  const result = inlining(() => f(...given));
  if (hasAux && !Array.isArray(result))
    throw new CambiumError("value", where, "with hasAux the function must return [value, more]", "leave hasAux out if it returns the value alone");
  const chosen = list.map((i) => given[i]);
  return {
    value: (hasAux ? (result as unknown[])[0] : result) as R,
    aux: hasAux ? (result as unknown[])[1] : undefined,
    wrt: tensorsIn(where, "the arguments", chosen).map((x) => x.leaf),
    rebuild: (parts) => {
      let next = 0;
      const trees = chosen.map((tree) => mapTree(where, "the arguments", tree, () => new Tensor(parts[next++]!)));
      return typeof argnums === "number" ? trees[0] : trees;
    },
  };
}

/** A single tensor. */
export function single(where: string, y: unknown): Tensor {
  if (!(y instanceof Tensor)) throw new CambiumError("value", where, `the function must return a tensor, it returned ${y === null ? "null" : typeof y}`);
  return y;
}

export const chosen = (options: Argnums | GradOptions | undefined): { argnums: Argnums; hasAux: boolean } =>
  typeof options === "object" && !Array.isArray(options)
    ? { argnums: (options as GradOptions).argnums ?? 0, hasAux: (options as GradOptions).hasAux ?? false }
    : { argnums: (options as Argnums | undefined) ?? 0, hasAux: false };

/** The value of `f` and its gradient with respect to argument `wrt` (a list: gradients in that order). With `hasAux`: `[[value, more], gradient]`. */
export function valueAndGrad<Args extends unknown[]>(f: (...args: Args) => Tensor): (...args: Args) => [value: Tensor, gradient: Args[0]];
export function valueAndGrad<Args extends unknown[], const N extends Argnums = 0>(
  f: (...args: Args) => Tensor,
  wrt: N | GradOptions<N, false>,
): (...args: Args) => [value: Tensor, gradient: Wrt<Args, N>];
export function valueAndGrad<Args extends unknown[], Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [Tensor, Aux],
  options: GradOptions<N, true>,
): (...args: Args) => [value: [Tensor, Aux], gradient: Wrt<Args, N>];
export function valueAndGrad(f: (...args: any[]) => unknown, options?: Argnums | GradOptions): (...args: any[]) => [any, any] {
  const { argnums, hasAux } = chosen(options);
  return (...args) => {
    const taken = take("valueAndGrad", f, args, argnums, hasAux);
    const value = single("valueAndGrad", taken.value);
    if (value.size !== 1)
      throw new CambiumError(
        "shape",
        "valueAndGrad",
        `only a single number has a gradient, the function returned ${show(value.shape)}`,
        "end with .sum() or .mean(), or use vjp or jacobian",
      );
    const gradient = taken.rebuild(gradients(value.leaf, taken.wrt));
    return [hasAux ? [value, taken.aux] : value, gradient];
  };
}

/**
 * The function that gives the gradient of `f` with respect to argument `wrt`, in the form of that argument: a tensor, or a list or record of tensors.
 * It is itself made of tensor operations, so `grad(grad(f))` works. With `hasAux`: `[gradient, more]`.
 * @example
 * ```ts
 * grad((x: Tensor) => x.pow(3).sum())(tensor([2])); // 3x² = 12
 * ```
 */
export function grad<Args extends unknown[]>(f: (...args: Args) => Tensor): (...args: Args) => Args[0];
export function grad<Args extends unknown[], const N extends Argnums = 0>(
  f: (...args: Args) => Tensor,
  wrt: N | GradOptions<N, false>,
): (...args: Args) => Wrt<Args, N>;
export function grad<Args extends unknown[], Aux, const N extends Argnums = 0>(
  f: (...args: Args) => readonly [Tensor, Aux],
  options: GradOptions<N, true>,
): (...args: Args) => [gradient: Wrt<Args, N>, aux: Aux];
export function grad(f: (...args: any[]) => any, options?: Argnums | GradOptions): (...args: any[]) => any {
  const both = valueAndGrad(f, options as GradOptions<0, true>);
  return (...args) => {
    const [value, gradient] = both(...args);
    return chosen(options).hasAux ? [gradient, value[1]] : gradient;
  };
}

export interface AuxOption {
  hasAux: true;
}

/**
 * The value of `f` at `args`, and the function that takes what flows back to it to what flows back to each argument.
 * With `vjp(f, [x, y], { hasAux: true })`, for an `f` that returns `[value, more]`: `[value, back, more]`.
 */
export function vjp<Args extends unknown[], R, Aux>(
  f: (...args: Args) => readonly [R, Aux],
  args: Args,
  options: AuxOption,
): [value: R, back: (dy: R) => Args, aux: Aux];
export function vjp<Args extends unknown[], R>(f: (...args: Args) => R, ...args: Args): [value: R, back: (dy: R) => Args];
export function vjp(f: (...args: any[]) => unknown, ...rest: any[]): unknown[] {
  const hasAux = rest.length === 2 && Array.isArray(rest[0]) && (rest[1] as Partial<AuxOption> | undefined)?.hasAux === true;
  const args: unknown[] = hasAux ? rest[0] : rest;
  const taken = take("vjp", f, args, [...args.keys()], hasAux);
  const values = tensorsIn("vjp", "the result", taken.value);
  const back = (dy: unknown): unknown => {
    const flows: Tensor[] = [];
    mapTree(
      "vjp",
      "the value",
      taken.value,
      (y, place, flow: unknown) => {
        if (!(flow instanceof Tensor) || !same(flow.shape, y.shape))
          throw new CambiumError(
            "shape",
            "vjp",
            `what flows back is ${flow instanceof Tensor ? show(flow.shape) : typeof flow}, ${place} is ${show(y.shape)}; shapes must be equal`,
          );
        flows.push(flow);
      },
      dy,
    );
    const parts = values.map((y, i) => gradients(y.leaf, taken.wrt, flows[i]!.node));
    return taken.rebuild(taken.wrt.map((_, k) => parts.map((flow) => flow[k]!).reduce((a, b) => add(a, b))));
  };
  return hasAux ? [taken.value, back, taken.aux] : [taken.value, back];
}

/**
 * The value of `f` at `args`, and how fast it changes when the arguments move along `tangents`. With `{ hasAux: true }`, for an `f` that returns
 * `[value, more]`: `[value, tangent, more]`.
 */
export function jvp<Args extends unknown[], R, Aux>(
  f: (...args: Args) => readonly [R, Aux],
  args: Args,
  tangents: NoInfer<Args>,
  options: AuxOption,
): [value: R, tangent: R, aux: Aux];
export function jvp<Args extends unknown[], R>(f: (...args: Args) => R, args: Args, tangents: NoInfer<Args>): [value: R, tangent: R];
export function jvp(f: (...args: any[]) => unknown, args: any[], tangents: any[], options?: AuxOption): unknown[] {
  const along = tangentsOf("jvp", args, tangents);
  const taken = take("jvp", f, args, [...args.keys()], options?.hasAux);
  const tangent = mapTree("jvp", "the result", taken.value, (y) => new Tensor(directional(y.leaf, taken.wrt, along)));
  return options?.hasAux ? [taken.value, tangent, taken.aux] : [taken.value, tangent];
}

/** The tangents of `args`, checked against them. */
export function tangentsOf(where: string, args: readonly unknown[], tangents: readonly unknown[]): Node[] {
  if (tangents.length !== args.length) throw new CambiumError("value", where, `${args.length} arguments need ${args.length} tangents, got ${tangents.length}`);
  return args.flatMap((arg, i) => {
    const found: Node[] = [];
    mapTree(
      where,
      `argument ${i}`,
      arg,
      (x, place, t: unknown) => {
        if (!(t instanceof Tensor) || !same(t.shape, x.shape))
          throw new CambiumError(
            "shape",
            where,
            `the tangent of ${place} is ${t instanceof Tensor ? show(t.shape) : typeof t}, ${place} is ${show(x.shape)}; shapes must be equal`,
          );
        found.push(t.node);
      },
      tangents[i],
    );
    return found;
  });
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

/** `x` itself, through which no gradient flows back: what `x.detach()` gives, for lists and records too. */
export const stopGradient = <T>(x: T): T => mapTree("stopGradient", "the argument", x, (t) => t.detach()) as T;
