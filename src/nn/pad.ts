/** Room around the last axes, filled with a number or with what is already there. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { concat } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batched, expectTensor, shown } from "./input.ts";

/** What stands in the room: one number, the input mirrored at its edge, its edge repeated, or its other end. */
export type PadMode = "constant" | "reflect" | "replicate" | "circular";

/**
 * `x` with `low[i]` more places in front of axis i and `high[i]` behind it; negative counts cut places off.
 * @throws a `shape` error where the input is too short to be mirrored or continued
 */
export function padded(where: string, x: Tensor, low: readonly number[], high: readonly number[], mode: PadMode, value = 0): Tensor {
  if (mode === "constant") return [...low, ...high].every((n) => n === 0) ? x : x.pad(low, high, value);
  const inner = x.pad(
    low.map((n) => Math.min(n, 0)),
    high.map((n) => Math.min(n, 0)),
  );
  return low.reduce((y, n, axis) => continued(where, y, axis, Math.max(n, 0), Math.max(high[axis]!, 0), mode), inner);
}

function continued(where: string, x: Tensor, axis: number, low: number, high: number, mode: Exclude<PadMode, "constant">): Tensor {
  if (low === 0 && high === 0) return x;
  const size = x.shape[axis]!;
  const most = { reflect: size - 1, replicate: size === 0 ? 0 : Number.POSITIVE_INFINITY, circular: size }[mode];
  if (Math.max(low, high) > most)
    throw new CambiumError("shape", where, `${mode} padding by ${Math.max(low, high)} needs more than axis ${axis} of ${show(x.shape)} has; at most ${most}`);
  const part = (from: number, to: number): Tensor => x.slice(new Array<number>(axis).fill(0).concat(from), [...x.shape.slice(0, axis), to]);
  const repeated = (at: number, times: number): Tensor => part(at, at + 1).broadcast(x.shape.with(axis, times));
  const front = { reflect: () => part(1, low + 1).flip(axis), replicate: () => repeated(0, low), circular: () => part(size - low, size) }[mode];
  const back = { reflect: () => part(size - 1 - high, size - 1).flip(axis), replicate: () => repeated(size - 1, high), circular: () => part(0, high) }[mode];
  return concat([...(low > 0 ? [front()] : []), x, ...(high > 0 ? [back()] : [])], axis);
}

/** One number for every side, or two an axis, beginning with the last axis: left, right, top, bottom, front, back. */
export type PadSizes = number | readonly number[];

const names = ["depth", "height", "width"];

/** What padding of one, two and three spatial axes shares. */
abstract class Pad extends Module {
  readonly padding: readonly number[];
  readonly #mode: PadMode;
  readonly #value: number;

  constructor(rank: number, padding: PadSizes, mode: PadMode, value = 0) {
    super();
    const list = typeof padding === "number" ? new Array<number>(2 * rank).fill(padding) : [...padding];
    if (list.length !== 2 * rank || !list.every(Number.isInteger))
      throw new CambiumError("value", this.constructor.name, `padding must be a whole number or ${2 * rank} of them, got ${JSON.stringify(padding)}`);
    this.padding = list;
    this.#mode = mode;
    this.#value = value;
  }

  forward(x: Tensor): Tensor {
    const where = `${this.constructor.name}(${this.padding.join(", ")})`;
    expectTensor(where, x);
    const rank = this.padding.length / 2;
    const side = (which: 0 | 1): number[] => [0, 0, ...Array.from({ length: rank }, (_, i) => this.padding[2 * (rank - 1 - i) + which]!)];
    return batched(where, x, ["channels", ...names.slice(-rank)], (x) => padded(where, x, side(0), side(1), this.#mode, this.#value));
  }

  protected override describe(): string {
    return shown({ padding: this.padding, ...(this.#value !== 0 && { value: this.#value }) });
  }
}

type PadClass<More extends unknown[] = []> = new (
  padding: PadSizes,
  ...more: More
) => Module & { readonly padding: readonly number[]; forward(x: Tensor): Tensor };

function pad<More extends [value?: number]>(name: string, rank: number, mode: PadMode): PadClass<More> {
  const made = class extends Pad {
    constructor(padding: PadSizes, value = 0) {
      super(rank, padding, mode, value);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made as unknown as PadClass<More>;
}

/** A number around the last axis @shape [batch, channels, width], also without batch @source PyTorch `nn.ConstantPad1d` */
export const ConstantPad1d: PadClass<[value: number]> = pad("ConstantPad1d", 1, "constant");
/** A number around images @shape [batch, channels, height, width], also without batch @source PyTorch `nn.ConstantPad2d` */
export const ConstantPad2d: PadClass<[value: number]> = pad("ConstantPad2d", 2, "constant");
/** A number around volumes @shape [batch, channels, depth, height, width], also without batch @source PyTorch `nn.ConstantPad3d` */
export const ConstantPad3d: PadClass<[value: number]> = pad("ConstantPad3d", 3, "constant");
/** Zeros around the last axis @source PyTorch `nn.ZeroPad1d` */
export const ZeroPad1d: PadClass = pad("ZeroPad1d", 1, "constant");
/** Zeros around images @source PyTorch `nn.ZeroPad2d` */
export const ZeroPad2d: PadClass = pad("ZeroPad2d", 2, "constant");
/** Zeros around volumes @source PyTorch `nn.ZeroPad3d` */
export const ZeroPad3d: PadClass = pad("ZeroPad3d", 3, "constant");
/** The last axis mirrored at its ends @source PyTorch `nn.ReflectionPad1d` */
export const ReflectionPad1d: PadClass = pad("ReflectionPad1d", 1, "reflect");
/** Images mirrored at their edges @source PyTorch `nn.ReflectionPad2d` */
export const ReflectionPad2d: PadClass = pad("ReflectionPad2d", 2, "reflect");
/** Volumes mirrored at their faces @source PyTorch `nn.ReflectionPad3d` */
export const ReflectionPad3d: PadClass = pad("ReflectionPad3d", 3, "reflect");
/** The ends of the last axis repeated @source PyTorch `nn.ReplicationPad1d` */
export const ReplicationPad1d: PadClass = pad("ReplicationPad1d", 1, "replicate");
/** The edges of images repeated @source PyTorch `nn.ReplicationPad2d` */
export const ReplicationPad2d: PadClass = pad("ReplicationPad2d", 2, "replicate");
/** The faces of volumes repeated @source PyTorch `nn.ReplicationPad3d` */
export const ReplicationPad3d: PadClass = pad("ReplicationPad3d", 3, "replicate");
/** The last axis continued by its other end @source PyTorch `nn.CircularPad1d` */
export const CircularPad1d: PadClass = pad("CircularPad1d", 1, "circular");
/** Images continued by their other side @source PyTorch `nn.CircularPad2d` */
export const CircularPad2d: PadClass = pad("CircularPad2d", 2, "circular");
/** Volumes continued by their other side @source PyTorch `nn.CircularPad3d` */
export const CircularPad3d: PadClass = pad("CircularPad3d", 3, "circular");
