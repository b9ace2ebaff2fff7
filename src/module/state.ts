import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { nearest } from "../base/text.ts";
import { evaluate } from "../tensor/evaluate.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";

/** Parameters and buffers by path, with PyTorch's paths and in PyTorch's order. */
export type StateDict = Record<string, Tensor>;

export interface LoadOptions {
  /** Whether every path must be there and no other. Default `true`. */
  strict?: boolean;
}

/** What `loadStateDict` did not find, and what it did not want. */
export interface LoadReport {
  missing: string[];
  unexpected: string[];
}

/** A copy of what the tensors hold now: later training does not change it. */
export function readState(named: Iterable<[string, Tensor]>): StateDict {
  const entries = [...named];
  if (!currentTrace()) evaluate(entries.map(([, tensor]) => tensor.leaf));
  return Object.fromEntries(entries.map(([path, tensor]) => [path, tensor.detach()]));
}

/** Makes the tensors hold what `state` says; all of them or, after an error, none. */
export function loadState(where: string, named: Iterable<[string, Tensor]>, state: Readonly<StateDict>, { strict = true }: LoadOptions = {}): LoadReport {
  const own = new Map(named);
  const given = new Map(Object.entries(state));
  const missing = [...own.keys()].filter((path) => !given.has(path));
  const unexpected = [...given.keys()].filter((path) => !own.has(path));
  const misfits = [...own].flatMap(([path, tensor]) => {
    const value = given.get(path);
    return value && !same(value.shape, tensor.shape) ? [`${path} is ${show(tensor.shape)} here and ${show(value.shape)} in the state`] : [];
  });
  const problems = [
    ...(strict && missing.length > 0 ? [`the state lacks ${missing.join(", ")}`] : []),
    ...(strict && unexpected.length > 0 ? [`the state has ${unexpected.join(", ")}, which this module has not`] : []),
    ...misfits,
  ];
  if (problems.length > 0)
    throw new CambiumError(misfits.length > 0 ? "shape" : "name", `${where}.loadStateDict`, problems.join("; "), hint(missing, unexpected, misfits.length));
  assignAll([...own].flatMap(([path, tensor]) => (given.has(path) ? [[tensor, given.get(path)!.to(tensor.dtype)] as const] : [])));
  return { missing, unexpected };
}

function hint(missing: readonly string[], unexpected: readonly string[], misfits: number): string | undefined {
  if (missing.length === 0 || unexpected.length === 0)
    return misfits > 0 || missing.length + unexpected.length === 0 ? undefined : "pass { strict: false } to load what fits";
  const prefix = unexpected[0]!.slice(0, unexpected[0]!.length - missing[0]!.length);
  if (unexpected[0]!.endsWith(missing[0]!) && prefix.endsWith(".")) return `the state's paths begin with "${prefix}": take it off`;
  const near = nearest(unexpected[0]!, missing);
  return near ? `is ${unexpected[0]} meant for ${near}?` : "the state seems to belong to another model";
}
