/** Choices inside the graph: what is computed depends on numbers that only the engine knows. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { loopOver, type Tree } from "./scan.ts";
import { Tensor } from "./tensor.ts";
import { mapTree } from "./tree.ts";

/** A single truth. */
function truth(where: string, x: unknown): Tensor {
  if (!(x instanceof Tensor)) throw new CambiumError("value", where, `the condition must be a tensor, got ${typeof x}`, "compare: x.sum().greater(0)");
  if (x.size !== 1)
    throw new CambiumError("shape", where, `the condition is a single number, got ${show(x.shape)}`, "reduce it first: .max() for any, .min() for all");
  return x.reshape([]);
}

/** `yes` where the condition holds, else `no`; both of one form. */
function chosen<T extends Tree>(where: string, on: Tensor, yes: T, no: unknown): T {
  return mapTree(
    where,
    "the result",
    yes,
    (a, place, b: unknown) => {
      if (!(b instanceof Tensor) || !same(a.shape, b.shape) || a.dtype !== b.dtype)
        throw new CambiumError(
          "shape",
          where,
          `${place} is ${a.dtype}${show(a.shape)} on one side and ${b instanceof Tensor ? `${b.dtype}${show(b.shape)}` : typeof b} on the other; both must be of one form`,
        );
      return on.where(a, b);
    },
    no,
  ) as T;
}

/**
 * What `whenTrue` gives if `condition` holds, else what `whenFalse` gives: chosen inside the graph, with gradients through the one that is chosen.
 * Both are computed; a plain `if` on `x.item()` computes one, but ends the graph there.
 * @throws a `shape` error when the condition is no single number or the results differ in form
 * @source JAX `lax.cond`
 * @example
 * ```ts
 * cond(norm.greater(1), () => x.div(norm), () => x); // a gradient, clipped
 * ```
 */
export function cond<T extends Tree>(condition: Tensor, whenTrue: () => T, whenFalse: () => T): T {
  return chosen("cond", truth("cond", condition), whenTrue(), whenFalse());
}

/**
 * The state after as many steps of `body` as `condition` holds, at most `maxSteps`. It is one loop inside the engine, which stops when the condition has failed
 * (at the latest two steps later), and has gradients: where these are wanted, all steps are gone through, and the state stays as it is.
 * @throws a `value` error without `maxSteps`, a `shape` error when the state does not keep its form
 * @source JAX `lax.while_loop`, with an upper bound
 * @example
 * ```ts
 * whileLoop((x: Tensor) => x.less(100), (x) => x.mul(2), tensor(3), { maxSteps: 10 }); // 192
 * ```
 */
export function whileLoop<S extends Tree>(condition: (state: S) => Tensor, body: (state: S) => S, init: S, { maxSteps }: { maxSteps: number }): S {
  if (!Number.isInteger(maxSteps) || maxSteps < 0) throw new CambiumError("value", "whileLoop", `maxSteps is a whole number from 0, got ${maxSteps}`);
  const holds = (state: S): Tensor => truth("whileLoop", condition(state)).notEqual(0);
  type Carry = { readonly on: Tensor; readonly state: S };
  const step = ({ on, state }: Carry): readonly [Carry, undefined] => {
    const next = chosen("whileLoop", on, body(state), state);
    return [{ on: on.logicalAnd(holds(next)), state: next }, undefined];
  };
  return loopOver(step, { on: holds(init), state: init } as Carry, undefined, { length: maxSteps }, 0)[0].state;
}
