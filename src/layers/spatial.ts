import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { bare, unknownName } from "../base/text.ts";
import { channelsLast } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface SpatialOptions extends LayerOptions {
  /** Whether a sample has its channels on the last axis or on the first. Default `"channelsLast"`. */
  dataFormat?: "channelsLast" | "channelsFirst";
}

/** What layers over one, two or three spatial axes share: the order of their axes. */
export abstract class Spatial<Options extends SpatialOptions = SpatialOptions> extends Layer {
  protected readonly rank: number;
  protected readonly options: Options;
  /** Whether channels come first. */
  protected readonly first: boolean;

  constructor(className: string, rank: number, options: Options) {
    super(className, options);
    this.rank = rank;
    this.options = options;
    this.first = orderOf(this.name, options.dataFormat) === "channelsFirst";
  }

  /** The sizes of a sample with its channels last. */
  protected ordered(input: Shape): Shape {
    return this.first ? [...input.slice(1), input[0]!] : input;
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, this.rank, this.first);
  }

  protected override call(x: Tensor): Tensor {
    return this.first ? channelsLast(x, (x) => this.move(x)) : this.move(x);
  }

  /** What becomes of a batch with its channels last. */
  protected abstract move(x: Tensor): Tensor;
}

/** The order of axes that a `dataFormat` means; `channels_last` is `channelsLast`. */
export function orderOf(where: string, given: string | undefined): "channelsLast" | "channelsFirst" {
  const orders = ["channelsLast", "channelsFirst"] as const;
  const known = orders.find((name) => bare(name) === bare(given ?? "channelsLast"));
  if (!known) throw unknownName(where, "dataFormat", given!, orders);
  return known;
}

/** Complains unless there is such a padding. */
export function checkPadding(where: string, padding: string): void {
  if (padding !== "valid" && padding !== "same") throw new CambiumError("name", where, `there is no padding "${padding}"; it is "valid" or "same"`);
}

/** Complains unless samples have `rank` spatial axes and channels. */
export function checkRank(where: string, input: Shape, rank: number, first = false): void {
  if (input.length === rank + 1) return;
  const axes = rank === 1 ? ["steps"] : ["depth", "height", "width"].slice(3 - rank);
  throw new CambiumError(
    "shape",
    where,
    `expects samples of [${(first ? ["channels", ...axes] : [...axes, "channels"]).join(", ")}], got ${show(input)}`,
    input.length === rank
      ? `give it a channel axis: x.reshape([-1, ${(first ? [1, ...input] : [...input, 1]).join(", ")}])`
      : input.length === 1
        ? "flatten and dense layers come after it, not before"
        : undefined,
  );
}
