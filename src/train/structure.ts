/** Several inputs or results: as a list, or by name. */
import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import { Tensor } from "../tensor/tensor.ts";

/** One thing, or one for each input or result: in order, or by name. */
export type Several<T> = T | readonly T[] | Readonly<Record<string, T>>;

/** What a model may make of a batch. */
export type Results = Several<Tensor>;

const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && (Object.getPrototypeOf(x) === Object.prototype || Object.getPrototypeOf(x) === null);

/**
 * What belongs to each of `names`. With one name, anything but a record of it, or a list of one tensor, is that one thing.
 * @throws a `data` error when there are too few or too many, a `name` error for a name there is none of
 */
export function partsOf<T>(where: string, what: string, given: unknown, names: readonly string[]): T[] {
  if (isRecord(given)) {
    for (const name of Object.keys(given))
      if (!names.includes(name)) throw new CambiumError("name", where, `${what} has "${name}", which the model has not`, suggest(name, names));
    const missing = names.filter((name) => !(name in given));
    if (missing.length > 0) throw new CambiumError("data", where, `${what} lacks ${missing.join(", ")}; the model has ${names.join(", ")}`);
    return names.map((name) => given[name] as T);
  }
  if (names.length === 1) return Array.isArray(given) && given.length === 1 && given[0] instanceof Tensor ? [given[0] as T] : [given as T];
  if (!Array.isArray(given) || given.length !== names.length)
    throw new CambiumError(
      "data",
      where,
      `${what} is ${Array.isArray(given) ? `a list of ${given.length}` : given instanceof Tensor ? "one tensor" : typeof given}; the model has ${names.length}: ${names.join(", ")}`,
      `give a list [${names.join(", ")}], or a record { ${names.join(", ")} }`,
    );
  return given as T[];
}

/** The results of a model as a list. */
export const listOf = (results: Results): readonly Tensor[] =>
  results instanceof Tensor ? [results] : Array.isArray(results) ? (results as readonly Tensor[]) : Object.values(results as Record<string, Tensor>);

/** The names of a model's results: its record's, or numbers. */
export const namesOf = (results: Results): string[] =>
  results instanceof Tensor ? ["output"] : Array.isArray(results) ? results.map((_, i) => `output_${i}`) : Object.keys(results);

/** A list in the form of `results`. */
export function formedAs(results: Results, list: readonly Tensor[]): Results {
  if (results instanceof Tensor) return list[0]!;
  return Array.isArray(results) ? list : Object.fromEntries(Object.keys(results).map((name, i) => [name, list[i]!]));
}
