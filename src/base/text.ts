import { CambiumError } from "./error.ts";

/** How many letters must be put in, left out, changed or swapped with their neighbour to turn one word into the other. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(changed, row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

/** A name without its case, spaces and joints, so that `leaky_relu`, `LeakyReLU` and `leakyRelu` are one. */
export const bare = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, "");

/** The known name that `name` was most likely meant to be, if any is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = bare(name);
  let best: string | undefined;
  let least = Math.max(2, Math.ceil(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const other = bare(candidate);
    const apart = other.startsWith(wanted) && wanted.length > 2 ? 1 : distance(wanted, other);
    if (apart < least) [best, least] = [candidate, apart];
  }
  return best;
}

/** A hint for who wrote a name that is not known. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearest(name, names);
  return near === undefined ? `known are ${names.join(", ")}` : `did you mean "${near}"? Known are ${names.join(", ")}`;
}

/** What to throw when there is no `what` called `name`. */
export const unknownName = (where: string, what: string, name: string, known: Iterable<string>): CambiumError =>
  new CambiumError("name", where, `there is no ${what} "${name}"`, suggest(name, known));
