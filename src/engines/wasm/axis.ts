/** Which input position meets which output position under which tap of a window, along one axis. */
import type { Geometry } from "../../compiler/program.ts";

/** Output `o` and tap `k` meet input (o · stride + k · dilation − padding) / inputDilation, where that is whole and inside. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly inputDilation: number;
  readonly padding: number;
}

/** Depth, height and width; axes that are not there have one position. */
export function axesOf(g: Geometry): [Axis, Axis, Axis] {
  const one: Axis = { input: 1, output: 1, window: 1, stride: 1, dilation: 1, inputDilation: 1, padding: 0 };
  const axes = g.input.map((input, i) => ({
    input,
    output: g.output[i]!,
    window: g.window[i]!,
    stride: g.stride[i]!,
    dilation: g.dilation[i]!,
    inputDilation: g.inputDilation[i]!,
    padding: g.padding[i]!,
  }));
  return [one, one, one, ...axes].slice(-3) as [Axis, Axis, Axis];
}

/** The input position, or −1. */
export function source(a: Axis, o: number, k: number): number {
  const at = (o * a.stride + k * a.dilation - a.padding) / a.inputDilation;
  return Number.isInteger(at) && at >= 0 && at < a.input ? at : -1;
}

/** Outputs this far apart meet inputs under the same taps. */
export function phasesOf(a: Axis): number {
  let [x, y] = [a.inputDilation, a.stride];
  while (y > 0) [x, y] = [y, x % y];
  return a.inputDilation / x;
}

/** Output positions first, first + step, … and the input positions that a tap brings to them. */
export interface Reach {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly input: number;
  readonly inputStep: number;
}

/** The output positions in [begin, end) that tap k reaches inside the input. */
export function reachOf(a: Axis, k: number, begin = 0, end: number = a.output): Reach {
  const step = phasesOf(a);
  const inputStep = (step * a.stride) / a.inputDilation;
  let first = begin;
  while (first < end && source(a, first, k) < 0) first++;
  let count = 0;
  while (first + count * step < end && source(a, first + count * step, k) >= 0) count++;
  return { first, step, count, input: count > 0 ? source(a, first, k) : 0, inputStep };
}

/** Whether every tap of every output is inside the input. */
export const inside = (a: Axis): boolean =>
  a.inputDilation === 1 && a.padding <= 0 && (a.output - 1) * a.stride + (a.window - 1) * a.dilation - a.padding < a.input;
