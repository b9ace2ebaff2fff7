/** Where a kernel or window stands on its input: shared by convolution and pooling. Spatial axes only, outermost first. */
import { CambiumError } from "../base/error.ts";
import { show, type Shape } from "../base/shape.ts";

/**
 * Room around the input: one number for all sides, one an axis, or a `[front, behind]` pair an axis (negative numbers crop);
 * "valid" is none, "same" as much as makes the output `⌈input / stride⌉`.
 */
export type Padding = "same" | "valid" | number | readonly (number | readonly [low: number, high: number])[];

/** How a kernel or window moves over its input; a single number holds for every axis. */
export interface Moves {
  readonly stride?: number | readonly number[];
  readonly padding?: Padding;
  /** How far apart the places of the kernel lie. */
  readonly dilation?: number | readonly number[];
}

/** `Moves` written out: one entry an axis. */
export interface Geometry extends Record<string, unknown> {
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [low: number, high: number])[];
  readonly dilation: readonly number[];
  /** How far apart the input's numbers lie, with zeros between them. */
  readonly inputDilation: readonly number[];
}

/** One entry an axis, each a whole number from 1. */
export function perAxis(where: string, name: string, given: number | readonly number[] | undefined, rank: number): readonly number[] {
  const list = given === undefined ? new Array<number>(rank).fill(1) : typeof given === "number" ? new Array<number>(rank).fill(given) : [...given];
  if (list.length !== rank) throw new CambiumError("shape", where, `${name} ${show(list)} has ${list.length} entries, the input has ${rank} spatial axes; give one number or ${rank}`);
  const wrong = list.find((n) => !Number.isInteger(n) || n < 1);
  if (wrong !== undefined) throw new CambiumError("value", where, `${name} must be whole numbers from 1, got ${wrong}`);
  return list;
}

/** `moves` written out for a window of sizes `window` on `input`. */
export function geometryOf(where: string, input: Shape, window: readonly number[], moves: Moves, inputDilation?: number | readonly number[]): Geometry {
  const rank = input.length;
  const stride = perAxis(where, "stride", moves.stride, rank);
  const dilation = perAxis(where, "dilation", moves.dilation, rank);
  const spread = perAxis(where, "inputDilation", inputDilation, rank);
  const reach = window.map((k, i) => (k - 1) * dilation[i]! + 1);
  return { window, stride, dilation, inputDilation: spread, padding: paddingOf(where, moves.padding ?? 0, input.map((d, i) => dilated(d, spread[i]!)), reach, stride) };
}

function paddingOf(where: string, padding: Padding, input: Shape, reach: readonly number[], stride: readonly number[]): [number, number][] {
  if (padding === "valid") return input.map(() => [0, 0]);
  if (padding === "same")
    return input.map((d, i) => {
      const missing = Math.max((Math.ceil(d / stride[i]!) - 1) * stride[i]! + reach[i]! - d, 0);
      return [Math.floor(missing / 2), Math.ceil(missing / 2)];
    });
  if (typeof padding === "string") throw new CambiumError("name", where, `there is no padding "${String(padding)}"; it is "same", "valid" or numbers`);
  const pairs = typeof padding === "number" ? input.map((): [number, number] => [padding, padding]) : padding.map((p): [number, number] => (typeof p === "number" ? [p, p] : [p[0], p[1]]));
  if (pairs.length !== input.length)
    throw new CambiumError("shape", where, `padding has ${pairs.length} entries, the input has ${input.length} spatial axes; give one number or ${input.length}`);
  if (pairs.flat().some((p) => !Number.isInteger(p))) throw new CambiumError("value", where, `padding must be whole numbers, got ${show(pairs.flat())}`);
  return pairs;
}

/** The size of an axis with zeros put between its numbers. */
export const dilated = (size: number, dilation: number): number => (size === 0 ? 0 : (size - 1) * dilation + 1);

/** The spatial sizes of what comes out. */
export function outputSizes(where: string, input: Shape, { window, stride, padding, dilation, inputDilation }: Geometry): number[] {
  return input.map((d, i) => {
    const [low, high] = padding[i]!;
    const room = dilated(d, inputDilation[i]!) + low + high;
    const reach = (window[i]! - 1) * dilation[i]! + 1;
    if (reach > room)
      throw new CambiumError(
        "shape",
        where,
        `the window does not fit: along spatial axis ${i} it reaches over ${reach}, the input has ${d}${low || high ? ` and with padding ${room}` : ""}`,
        "use a smaller window, more padding, or fewer layers that shrink the input",
      );
    return Math.floor((room - reach) / stride[i]!) + 1;
  });
}

/** Visits the places of a window as `visit(o, k, i)`: output position, place in the window and input position, each counted over all spatial axes; places on padding are left out. */
export function eachPlace(input: Shape, output: Shape, g: Geometry, visit: (o: number, k: number, i: number) => void): void {
  const rank = input.length;
  const at = (axis: number, o: number, k: number, i: number): void => {
    if (axis === rank) return visit(o, k, i);
    for (let p = 0; p < output[axis]!; p++)
      for (let q = 0; q < g.window[axis]!; q++) {
        const spread = p * g.stride[axis]! + q * g.dilation[axis]! - g.padding[axis]![0];
        const place = spread / g.inputDilation[axis]!;
        if (Number.isInteger(place) && place >= 0 && place < input[axis]!) at(axis + 1, o * output[axis]! + p, k * g.window[axis]! + q, i * input[axis]! + place);
      }
  };
  at(0, 0, 0, 0);
}
