/** How the outputs of a row of a convolution are cut into register tiles that share the taps of the kernel. */
import { type Axis, phasesOf, source } from "./axis.ts";

/** Taps first, first + 1, … of a tile, and for each of its outputs where their inputs begin, if they are inside: input columns after the tile's first. */
export interface TapRun {
  readonly tap: number;
  readonly taps: number;
  readonly inputs: readonly (number | undefined)[];
}

/** A register tile: outputs first, first + step, … of the row. */
export interface RowTile {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** The first input column. */
  readonly input: number;
  readonly runs: readonly TapRun[];
}

/** Tiles that together make outputs `first` to `end`. */
export interface Span {
  readonly first: number;
  readonly end: number;
  readonly tiles: readonly RowTile[];
}

/** Cuts a length into the fewest pieces of at most `most`, of nearly equal sizes. */
export function cut(length: number, most: number): number[] {
  const pieces = Math.ceil(length / most);
  return Array.from({ length: pieces }, (_, i) => Math.floor(length / pieces) + (i < length % pieces ? 1 : 0));
}

/** `merges`: whether taps side by side read numbers side by side. No arithmetic is spent on padding: each tap works on the outputs it reaches. */
export function spansOf(axis: Axis, rows: number, merges: boolean): Span[] {
  const phases = phasesOf(axis);
  const spans: Span[] = [];
  let first = 0;
  for (const length of cut(axis.output, rows * phases)) {
    const end = first + length;
    const tiles: RowTile[] = [];
    for (let phase = first; phase < Math.min(end, first + phases); phase++) tiles.push(tileOf(axis, phase, phases, end, merges));
    spans.push({ first, end, tiles });
    first = end;
  }
  return spans;
}

function tileOf(axis: Axis, first: number, step: number, end: number, merges: boolean): RowTile {
  const count = Math.ceil((end - first) / step);
  const met = Array.from({ length: axis.window }, (_, k) => Array.from({ length: count }, (_, i) => source(axis, first + i * step, k)));
  const all = met.flat().filter((i) => i >= 0);
  const input = all.length > 0 ? Math.min(...all) : 0;
  const runs: TapRun[] = [];
  met.forEach((columns, tap) => {
    if (columns.every((i) => i < 0)) return;
    const inputs = columns.map((i) => (i < 0 ? undefined : i - input));
    const last = runs[runs.length - 1];
    const joins =
      merges && last && last.tap + last.taps === tap && inputs.every((i, r) => i === (last.inputs[r] === undefined ? undefined : last.inputs[r]! + last.taps));
    if (joins) runs[runs.length - 1] = { ...last, taps: last.taps + 1 };
    else runs.push({ tap, taps: 1, inputs });
  });
  return { first, step, count, input, runs };
}
