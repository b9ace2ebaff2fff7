/** How the outputs of a row of a convolution are cut into register tiles that share the taps of the kernel. */
import { type Axis, phasesOf, reachOf } from "./axis.ts";

/** Taps `tap`, tap + 1, … and the outputs of a tile that they reach: `count` of them from `row` on, the first at input column `input`. */
export interface TapRun {
  readonly tap: number;
  readonly taps: number;
  readonly row: number;
  readonly count: number;
  readonly input: number;
}

/** A register tile: outputs first, first + step, … of the row. */
export interface RowTile {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** Input columns from output to output. */
  readonly inputStep: number;
  /** What reaches all outputs comes first. */
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
  const runs: TapRun[] = [];
  for (let tap = 0; tap < axis.window; tap++) {
    const reach = reachOf(axis, tap, first, end);
    const row = (reach.first - first) / step;
    // Reached under another phase: those are outputs of another tile.
    if (reach.count === 0 || !Number.isInteger(row)) continue;
    const last = runs[runs.length - 1];
    const joins = merges && last && last.tap + last.taps === tap && last.row === row && last.count === reach.count && last.input + last.taps === reach.input;
    if (joins) runs[runs.length - 1] = { ...last, taps: last.taps + 1 };
    else runs.push({ tap, taps: 1, row, count: reach.count, input: reach.input });
  }
  runs.sort((a, b) => b.count - a.count);
  return { first, step, count, inputStep: (step * axis.stride) / axis.inputDilation, runs };
}
