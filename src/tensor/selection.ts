/** Which numbers there are: results whose size depends on the numbers, so that no program can contain them. They wait for the numbers, like `x.data()`. */
import { allocate } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { resolveAxis, same, show } from "../base/shape.ts";
import { fromArray } from "./create.ts";
import type { Tensor } from "./tensor.ts";
import { currentTrace } from "./trace.ts";

/** The numbers of `x` as they are now. @throws a `state` error while a function is traced: its program's sizes are fixed */
async function numbersOf(where: string, x: Tensor, instead: string): Promise<ArrayLike<number>> {
  if (currentTrace()) throw new CambiumError("state", where, "the size of its result depends on numbers, which a compiled function does not know yet", instead);
  return await x.data();
}

const ofPlaces = (places: readonly number[]): Tensor => fromArray(Int32Array.from(places));

async function placesOf(where: string, x: Tensor, instead: string): Promise<number[]> {
  const numbers = await numbersOf(where, x, instead);
  const found: number[] = [];
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== 0) found.push(i);
  return found;
}

/**
 * The places of the numbers that are not 0, row by row.
 * @shape x [...] → [how many, rank], int32
 * @throws a `state` error inside a compiled function
 * @source PyTorch's `nonzero`, NumPy's `argwhere`
 */
export async function nonZero(x: Tensor): Promise<Tensor> {
  const places = await placesOf("nonZero", x, "use where(x, a, b), which keeps the size");
  const out = new Int32Array(places.length * x.rank);
  places.forEach((place, row) => {
    let rest = place;
    for (let axis = x.rank - 1; axis >= 0; axis--) {
      out[row * x.rank + axis] = rest % x.shape[axis]!;
      rest = Math.floor(rest / x.shape[axis]!);
    }
  });
  return fromArray(out, [places.length, x.rank]);
}

/**
 * The numbers of `x` where `mask` is not 0, in a row. Gradients flow back to them.
 * @shape x [...], mask [...] → [how many]
 * @throws a `shape` error unless both have one shape, a `state` error inside a compiled function
 * @source PyTorch's `masked_select`, TensorFlow's `boolean_mask`
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  if (!same(x.shape, mask.shape))
    throw new CambiumError(
      "shape",
      "maskedSelect",
      `x is ${show(x.shape)}, mask ${show(mask.shape)}; they must be equal`,
      "mask.broadcast(x.shape) makes them so",
    );
  const places = await placesOf("maskedSelect", mask, "use where(mask, x, 0), or weights of 0 and 1");
  return x.reshape([x.size]).gather(ofPlaces(places), 0);
}

/** Each value once, and where it is met. */
export interface Unique {
  /** In rising order; with `axis`, the slices, ordered by their first number that differs. */
  readonly values: Tensor;
  /** Where each of `values` comes first. [values] */
  readonly indices: Tensor;
  /** Which of `values` each number, or slice, is: `values.gather(inverse)` puts them together again. */
  readonly inverse: Tensor;
  /** How often each of `values` occurs. [values] */
  readonly counts: Tensor;
}

/**
 * The different numbers of `x`, or its different slices along `axis`.
 * @throws a `state` error inside a compiled function
 * @source NumPy's `unique`
 */
export async function unique(x: Tensor, { axis }: { readonly axis?: number } = {}): Promise<Unique> {
  const along = axis === undefined ? undefined : resolveAxis("unique", axis, x.rank);
  const rows = along === undefined ? x.reshape([x.size, 1]) : x.moveAxis(along, 0);
  const numbers = await numbersOf("unique", rows, "count known values instead: bincount(x, length)");
  const count = rows.shape[0]!;
  const width = count === 0 ? 0 : rows.size / count;
  const compare = (a: number, b: number): number => {
    for (let i = 0; i < width; i++) {
      const [p, q] = [numbers[a * width + i]!, numbers[b * width + i]!];
      if (p !== q && !(p !== p && q !== q)) return p !== p ? 1 : q !== q ? -1 : p - q;
    }
    return 0;
  };
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => compare(a, b) || a - b);
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = allocate("int32", count);
  order.forEach((row, i) => {
    if (i === 0 || compare(order[i - 1]!, row) !== 0) {
      first.push(row);
      counts.push(0);
    }
    counts[counts.length - 1]!++;
    inverse[row] = first.length - 1;
  });
  const indices = ofPlaces(first);
  const values = along === undefined ? x.reshape([x.size]).gather(indices, 0) : x.gather(indices, along);
  return { values, indices, inverse: fromArray(inverse, along === undefined ? x.shape : [count]), counts: ofPlaces(counts) };
}
