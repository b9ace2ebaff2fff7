/** Layers that spread the shades of images evenly. */
import { CambiumError } from "../base/error.ts";
import { expectCount } from "../nn/input.ts";
import { arange, fromArray } from "../tensor/create.ts";
import { bincount } from "../tensor/functions.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { asBytes, Augmentation, type ToneOptions, valuesOf, within } from "./augmentation.ts";

export interface EqualizationOptions extends ToneOptions {
  /** Into how many shades the range is parted. Default 256. */
  bins?: number;
}

/** One number for each of `count` groups, along axis `axis` of `rank`. */
const numbered = (count: number, axis: number, rank: number): Tensor => arange(count).reshape(Array.from({ length: rank }, (_, i) => (i === axis ? count : 1)));

/** How often each of `bins` places is named in each group, `[groups, bins]`. */
const counted = (group: Tensor, place: Tensor, groups: number, bins: number): Tensor =>
  bincount(group.mul(bins).add(place).to("int32"), groups * bins)
    .to("float32")
    .reshape([groups, bins]);

/** Each channel of each image with its shades spread so that as many numbers lie in each part of the range. */
function equalized(x: Tensor, bins: number): Tensor {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const group = numbered(batch, 0, 4)
    .mul(channels)
    .add(numbered(channels, 3, 4));
  const place = (x: Tensor): Tensor =>
    within(x, [0, bins - 1])
      .floor()
      .to("int32");
  const counts = counted(group, place(x.mul(bins - 1).div(255)), batch * channels, bins);
  const below = counts.cumSum(-1);
  const least = below.greater(0).where(below, Infinity).min(-1, { keep: true });
  const rest = counts.sum(-1, { keep: true }).sub(least);
  const table = within(below.sub(least).mul(255).div(rest.equal(0).where(1, rest)).round(), [0, 255]);
  const shades = counts.greater(0).to("float32").sum(-1).reshape([batch, 1, 1, channels]);
  const made = table.flatten().gather(
    group
      .mul(bins)
      .add(place(x.div(255).mul(bins - 1)))
      .to("int32"),
    0,
  );
  return shades.greater(1).where(made, x);
}

/**
 * In training, each channel of an image with its shades spread evenly over the range.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `Equalization`; here each image of a batch by itself, as there one image alone
 */
export function equalization(options: EqualizationOptions = {}): Augmentation {
  const { bins = 256 } = options;
  const where = options.name ?? "Equalization";
  if (!Number.isInteger(bins) || bins < 2) throw new CambiumError("value", where, `bins is ${bins}; it is a whole number from 2`);
  const range = valuesOf(where, options.valueRange);
  return new Augmentation("Equalization", options, { draw: () => ({}), images: (x) => asBytes(x, range, (x) => equalized(x, bins)) });
}

export interface AdaptiveEqualizationOptions extends ToneOptions {
  /** How many times the mean count a shade may have before what is more is shared out; 0: no limit. Default 4. */
  clipLimit?: number;
  /** Into how many parts images are cut, down and across. Default `[8, 8]`. */
  tileGridSize?: readonly [rows: number, columns: number];
}

/** Where each of `length` places lies between the middles of tiles of size `tile`: the tiles before and behind, and how near the latter is. */
function between(length: number, tile: number, tiles: number): { before: Tensor; behind: Tensor; near: Tensor } {
  const at = Array.from({ length }, (_, i) => (i - tile / 2) / tile);
  const within = (i: number): number => Math.min(Math.max(i, 0), tiles - 1);
  return {
    before: fromArray(Int32Array.from(at, (p) => within(Math.floor(p)))),
    behind: fromArray(Int32Array.from(at, (p) => within(Math.floor(p) + 1))),
    near: fromArray(Float32Array.from(at, (p) => p - Math.floor(p))),
  };
}

/** `x` with its last rows and columns mirrored until there are `height` and `width` of them. */
function mirrored(x: Tensor, height: number, width: number): Tensor {
  const places = (size: number, wanted: number): Tensor =>
    fromArray(
      Int32Array.from({ length: wanted }, (_, i) => {
        const at = i % (2 * size);
        return at < size ? at : 2 * size - 1 - at;
      }),
    );
  return x.gather(places(x.shape[1]!, height), 1).gather(places(x.shape[2]!, width), 2);
}

function adapted(x: Tensor, limit: number, [rows, columns]: readonly [number, number]): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [tall, wide] = [Math.ceil(height / rows), Math.ceil(width / columns)];
  const whole = within(mirrored(x, tall * rows, wide * columns), [0, 255])
    .floor()
    .to("int32");
  const groups = batch * rows * columns * channels;
  const tile = (row: Tensor, column: Tensor): Tensor =>
    numbered(batch, 0, 4)
      .mul(rows)
      .add(row.reshape([1, -1, 1, 1]))
      .mul(columns)
      .add(column.reshape([1, 1, -1, 1]))
      .mul(channels)
      .add(numbered(channels, 3, 4));
  const own = (count: number, size: number): Tensor => fromArray(Int32Array.from({ length: count * size }, (_, i) => Math.floor(i / size)));
  const counts = counted(tile(own(rows, tall), own(columns, wide)), whole, groups, 256);
  const most = (limit * tall * wide) / 256;
  const cut = counts.minimum(most);
  const shared = limit > 0 ? cut.add(counts.sub(cut).sum(-1, { keep: true }).div(256)) : counts;
  const below = shared.cumSum(-1);
  const least = below.min(-1, { keep: true });
  const rest = least.neg().add(tall * wide);
  const table = within(below.sub(least).mul(255).div(rest.equal(0).where(1, rest)), [0, 255]).flatten();
  const pixels = whole.slice([0, 0, 0], [batch, height, width]);
  const [down, across] = [between(height, tall, rows), between(width, wide, columns)];
  const seen = (row: Tensor, column: Tensor): Tensor => table.gather(tile(row, column).mul(256).add(pixels).to("int32"), 0);
  const right = across.near.reshape([1, 1, -1, 1]);
  const [above, under] = [down.before, down.behind].map((row) => seen(row, across.before).lerp(seen(row, across.behind), right)) as [Tensor, Tensor];
  return above.lerp(under, down.near.reshape([1, -1, 1, 1]));
}

/**
 * Each channel of an image with its shades spread evenly over the range in each part of the image, within limits, in training and in evaluation.
 * @shape `[batch, height, width, channels]` → the same
 * @source Keras `ContrastLimitedAdaptiveHistogramEqualization`; Zuiderveld (1994)
 */
export function contrastLimitedAdaptiveHistogramEqualization(options: AdaptiveEqualizationOptions = {}): Augmentation {
  const { clipLimit = 4, tileGridSize = [8, 8] } = options;
  const where = options.name ?? "ContrastLimitedAdaptiveHistogramEqualization";
  if (!(clipLimit >= 0)) throw new CambiumError("value", where, `clipLimit is ${clipLimit}; it is a number from 0`);
  const range = valuesOf(where, options.valueRange);
  for (const count of [tileGridSize[0], tileGridSize[1]]) expectCount(where, "tileGridSize", count);
  return new Augmentation("ContrastLimitedAdaptiveHistogramEqualization", options, {
    always: true,
    draw: () => ({}),
    images: (x) => asBytes(x, range, (x) => adapted(x, clipLimit, tileGridSize)),
  });
}
