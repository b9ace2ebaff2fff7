/** Whether a gradient is the slope that can be measured. */
import { gradients } from "../autodiff/gradient.ts";
import { isFloat, load } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { Stream } from "../base/random.ts";
import { show, size } from "../base/shape.ts";
import { interpret } from "../engines/reference/interpret.ts";
import { type Node, source } from "../graph/node.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { castTo } from "../ops/cast.ts";
import { sum } from "../ops/spread.ts";
import { fromArray } from "./create.ts";
import { evaluate } from "./evaluate.ts";
import { Tensor } from "./tensor.ts";
import { inlining, traced } from "./trace.ts";
import { mapTree, tensorsIn } from "./tree.ts";

/** A model, as far as its gradients are checked: the parameters it has by name, and what it makes of its inputs. */
export interface Checkable {
  forward(...inputs: any[]): any;
  namedParameters(): Iterable<[path: string, parameter: Tensor]>;
}

export interface GradCheckOptions {
  /** How far each number is moved to either side, times its size where that is above 1. Default 1e-5. */
  eps?: number;
  /** How much gradient and slope may differ, as a share of the larger. Default 1e-5. */
  rtol?: number;
  /** How much they may differ besides. Default 1e-8. */
  atol?: number;
  /** How many numbers of each tensor are tried, drawn at random. Default 64. */
  samples?: number;
}

/** One number whose gradient was compared with its slope. */
export interface Slope {
  /** Which tensor: `argument 0`, or a parameter's path. */
  readonly name: string;
  readonly index: readonly number[];
  /** What the gradient says. */
  readonly analytic: number;
  /** What was measured. */
  readonly measured: number;
  /** The slopes measured to the left and to the right: where they differ the function has a corner. */
  readonly sides: readonly [left: number, right: number];
}

export interface GradCheckReport {
  readonly ok: boolean;
  /** How many numbers were compared. */
  readonly checked: number;
  /** Where gradient and slope differ. */
  readonly failures: readonly Slope[];
  /** All of it for people. */
  readonly message: string;
}

interface Subject {
  readonly name: string;
  readonly node: Node;
}

/**
 * Compares the gradient of `f`, or of a model with respect to inputs and parameters, with slopes measured number by number. All is computed in double precision,
 * whatever the dtypes. A result of several numbers is weighed by fixed random ones. Random numbers inside are drawn once.
 * @throws a `value` error when there is nothing to check
 * @source central differences, as PyTorch `autograd.gradcheck`
 * @example
 * ```ts
 * const { ok, message } = gradCheck((x: Tensor) => x.sin().sum(), [tensor([1, 2])]);
 * ```
 */
export function gradCheck(
  f: ((...args: any[]) => unknown) | Checkable,
  inputs: readonly unknown[],
  { eps = 1e-5, rtol = 1e-5, atol = 1e-8, samples = 64 }: GradCheckOptions = {},
): GradCheckReport {
  const subjects: Subject[] = [];
  const known = (x: Tensor): Node => {
    evaluate([x.leaf]);
    return source(x.node.value!, x.shape, isFloat(x.dtype));
  };
  const given = inputs.map((input, i) =>
    mapTree("gradCheck", `argument ${i}`, input, (x, name) => {
      const node = known(x);
      if (isFloat(x.dtype)) subjects.push({ name, node });
      return new Tensor(node);
    }),
  );
  if (typeof f !== "function")
    for (const [name, parameter] of f.namedParameters()) {
      evaluate([parameter.leaf]);
      if (isFloat(parameter.dtype)) subjects.push({ name, node: parameter.leaf });
    }
  if (subjects.length === 0)
    throw new CambiumError(
      "value",
      "gradCheck",
      "there is nothing to check: no input holds floats, and there is no parameter",
      "give inputs as tensors of floats",
    );
  const { result } = traced(() => inlining(() => (typeof f === "function" ? f(...given) : f.forward(...given))));
  const value = scored(tensorsIn("gradCheck", "the result", result));
  const analytic = interpret(
    gradients(
      value,
      subjects.map(({ node }) => node),
    ),
    undefined,
    { round: false },
  );

  const failures: Slope[] = [];
  let checked = 0;
  let largest = 0;
  for (const [k, { name, node }] of subjects.entries()) {
    const start = Float64Array.from(load(node.dtype, node.value!.host!));
    const at = (i: number, by: number): number => {
      const moved = start.slice();
      moved[i]! += by;
      return interpret([value], new Map([[node, moved]]), { round: false })[0]![0]!;
    };
    for (const i of drawn(start.length, samples)) {
      const step = eps * Math.max(1, Math.abs(start[i]!));
      const [left, here, right] = [at(i, -step), at(i, 0), at(i, step)];
      const measured = (right - left) / (2 * step);
      const wanted = analytic[k]![i]!;
      checked++;
      const off = Math.abs(wanted - measured);
      largest = Math.max(largest, off);
      if (off <= atol + rtol * Math.max(Math.abs(wanted), Math.abs(measured))) continue;
      failures.push({ name, index: placeOf(i, node.shape), analytic: wanted, measured, sides: [(here - left) / step, (right - here) / step] });
    }
  }
  return { ok: failures.length === 0, checked, failures, message: told(failures, checked, largest) };
}

/** One number that depends on all of the results, each by another weight. */
function scored(results: readonly Tensor[]): Node {
  const floats = results.filter((y) => isFloat(y.dtype));
  if (floats.length === 0) throw new CambiumError("dtype", "gradCheck", "the function returns no floats; only they have a gradient");
  if (floats.length === 1 && floats[0]!.size === 1) return sum(floats[0]!.leaf);
  const random = new Stream(1, 1);
  return floats
    .map((y) => {
      const weights = Float64Array.from({ length: y.size }, () => 0.5 + random.uniform());
      return sum(mul(castTo(y.leaf, "float64"), fromArray(weights, y.shape).leaf));
    })
    .reduce((a, b) => add(a, b));
}

/** Up to `count` places among `length`, in order. */
function drawn(length: number, count: number): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (length <= count) return all;
  const random = new Stream(2, 2);
  for (let i = 0; i < count; i++) {
    const j = i + random.below(length - i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count).sort((a, b) => a - b);
}

const placeOf = (i: number, shape: readonly number[]): number[] => shape.map((d, axis) => Math.floor(i / size(shape.slice(axis + 1))) % d);

function told(failures: readonly Slope[], checked: number, largest: number): string {
  const few = (v: number): string => String(Number(v.toPrecision(8)));
  if (failures.length === 0) return `gradCheck: ${checked} slopes agree with the gradient; the largest difference is ${Number(largest.toPrecision(2))}`;
  const lines = failures.slice(0, 10).map(({ name, index, analytic, measured, sides: [left, right] }) => {
    const corner = Math.abs(left - right) > 0.01 * Math.max(Math.abs(left), Math.abs(right));
    return `  ${name}${show(index)}: the gradient says ${few(analytic)}, measured is ${few(measured)}${corner ? ` (a corner: ${few(left)} to the left, ${few(right)} to the right)` : ""}`;
  });
  const more = failures.length > lines.length ? [`  and ${failures.length - lines.length} more`] : [];
  return [`gradCheck: ${failures.length} of ${checked} slopes differ from the gradient`, ...lines, ...more].join("\n");
}
