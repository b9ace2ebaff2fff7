import type { Shape } from "../base/shape.ts";
import { Layer } from "../layers/layer.ts";
import type { Module } from "../module/module.ts";

export interface SummaryOptions {
  /** Where the lines go. Default: `console.log`. */
  print?: (line: string) => void;
}

/** One layer in the summary of a model. */
export interface Row {
  readonly name: string;
  readonly type: string;
  /** Sizes of one result, where they are known. */
  readonly output: Shape | undefined;
  /** How many numbers training changes, and how many it leaves alone. */
  readonly trainable: number;
  readonly frozen: number;
  /** What the layer's inputs come from, in a model that is no mere sequence. */
  readonly from?: readonly string[];
}

/** What a part of a model is called: its own name, or its place. */
export const nameOf = (part: Module, place: string | number): string =>
  (part as { name?: string }).name ?? (typeof place === "number" ? `${part.constructor.name}_${place}` : place);

/** The row of a part. Parts that share weights each count them; the totals count them once. */
export function rowOf(
  name: string,
  part: Module,
  output: Shape | undefined = part instanceof Layer ? part.outputShape : undefined,
  from?: readonly string[],
): Row {
  const weights = [...part.parameters(), ...part.buffers()];
  const count = (trainable: boolean): number => weights.filter((weight) => weight.requiresGrad === trainable).reduce((n, weight) => n + weight.size, 0);
  return {
    name,
    type: part instanceof Layer ? part.className : part.constructor.name,
    output,
    trainable: count(true),
    frozen: count(false),
    ...(from && { from }),
  };
}

const grouped = (n: number): string => n.toLocaleString("en-US");

/** Bytes of so many float32, in the largest unit that leaves a number above 1. */
function bytes(numbers: number): string {
  let size = numbers * 4;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(2)} ${units[unit]}`;
}

/** The lines of a summary, as Keras draws them. */
export function table(name: string, rows: readonly Row[]): string[] {
  const connected = rows.some(({ from }) => from);
  const cells = rows.map(({ name, type, output, trainable, frozen, from }) => [
    `${name} (${type})`,
    output ? `(${["None", ...output].join(", ")}${output.length === 0 ? "," : ""})` : "?",
    grouped(trainable + frozen),
    ...(connected ? [from?.join(", ") || "-"] : []),
  ]);
  const heads = ["Layer (type)", "Output Shape", "Param #", ...(connected ? ["Connected to"] : [])];
  const least = [31, 22, 13, 0];
  const widths = heads.map((head, i) => Math.max(least[i]!, head.length, ...cells.map((row) => row[i]!.length)));
  const rule = (left: string, line: string, cross: string, right: string): string => left + widths.map((width) => line.repeat(width + 2)).join(cross) + right;
  const line = (row: readonly string[], edge: string): string =>
    `${edge} ${row.map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(` ${edge} `)} ${edge}`;
  const trainable = rows.reduce((n, row) => n + row.trainable, 0);
  const frozen = rows.reduce((n, row) => n + row.frozen, 0);
  return [
    `Model: "${name}"`,
    rule("┏", "━", "┳", "┓"),
    line(heads, "┃"),
    rule("┡", "━", "╇", "┩"),
    ...cells.flatMap((row, i) => [...(i > 0 ? [rule("├", "─", "┼", "┤")] : []), line(row, "│")]),
    rule("└", "─", "┴", "┘"),
    ` Total params: ${grouped(trainable + frozen)} (${bytes(trainable + frozen)})`,
    ` Trainable params: ${grouped(trainable)} (${bytes(trainable)})`,
    ` Non-trainable params: ${grouped(frozen)} (${bytes(frozen)})`,
  ];
}
