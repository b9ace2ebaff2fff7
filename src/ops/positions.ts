import type { Shape } from "../base/shape.ts";

/** Visits the positions of `shape` in row-major order, each with where it lies in memory laid out by `steps`: `offset + Σ index · step`. */
export function eachPosition(shape: Shape, steps: readonly number[], visit: (i: number, j: number) => void, offset = 0): void {
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  let n = 1;
  for (const d of shape) n *= d;
  for (let i = 0, j = offset; i < n; i++) {
    visit(i, j);
    for (let axis = rank - 1; axis >= 0; axis--) {
      j += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      j -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** The steps that read a `small` tensor as if it were copied out to `big`: 0 along every axis it is copied along. */
export function spreadSteps(small: Shape, big: Shape): number[] {
  const out = new Array<number>(big.length).fill(0);
  const lead = big.length - small.length;
  for (let axis = small.length - 1, step = 1; axis >= 0; axis--) {
    if (small[axis] !== 1) out[lead + axis] = step;
    step *= small[axis]!;
  }
  return out;
}
