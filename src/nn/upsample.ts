/** Images, sequences and volumes in other sizes. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { Module } from "../module/module.ts";
import type { Resampling } from "../ops/interpolation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor, perAxis, shown, type Sizes } from "./input.ts";

export type InterpolationMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";

/** What each mode does along an axis, and how many spatial axes it is for. */
const modes: Readonly<Record<InterpolationMode, readonly [method: Resampling, rank?: number]>> = {
  nearest: ["nearest"],
  "nearest-exact": ["nearestExact"],
  linear: ["linear", 1],
  bilinear: ["linear", 2],
  trilinear: ["linear", 3],
  bicubic: ["cubic", 2],
  area: ["area"],
};

export interface InterpolateOptions {
  /** The sizes of the result; either these or `scaleFactor`. */
  size?: Sizes;
  /** How many times larger the result is; sizes are rounded down. */
  scaleFactor?: number | readonly number[];
  /** Default `"nearest"`. */
  mode?: InterpolationMode;
  /** Whether the corner pixels' middles, not the corners, lie on each other; for the linear and cubic modes. Default `false`. */
  alignCorners?: boolean;
  /** Whether pixels are placed by the sizes, after rounding, instead of by `scaleFactor` itself. Default `false`. */
  recomputeScaleFactor?: boolean;
}

function checked(where: string, { size, scaleFactor, mode = "nearest", alignCorners = false, recomputeScaleFactor = false }: InterpolateOptions): void {
  if (!Object.hasOwn(modes, mode)) throw unknownName(where, "mode", String(mode), Object.keys(modes));
  if ((size === undefined) === (scaleFactor === undefined))
    throw new CambiumError(
      "value",
      where,
      `${size === undefined ? "neither" : "both"} size ${size === undefined ? "nor" : "and"} scaleFactor given; give one of them`,
    );
  const wrong = [scaleFactor ?? 1].flat().find((n) => !(typeof n === "number" && n > 0 && Number.isFinite(n)));
  if (wrong !== undefined) throw new CambiumError("value", where, `scaleFactor is ${JSON.stringify(scaleFactor)}; it is a number above 0, or one an axis`);
  if (alignCorners && !/linear|cubic/.test(mode))
    throw new CambiumError("value", where, `alignCorners has no meaning for "${mode}"; it is for the linear and cubic modes`);
  if (recomputeScaleFactor && size !== undefined)
    throw new CambiumError("value", where, "recomputeScaleFactor has no meaning with size; it is for scaleFactor");
}

function resized(where: string, x: Tensor, options: InterpolateOptions): Tensor {
  expectTensor(where, x);
  const { size, scaleFactor, mode = "nearest", alignCorners = false, recomputeScaleFactor = false } = options;
  const [method, rank] = modes[mode];
  const spatial = x.shape.slice(2);
  if (x.rank < 3 || x.rank > 5 || (rank !== undefined && rank !== spatial.length)) {
    const axes = ["depth", "height", "width"].slice(-(rank ?? 3));
    throw new CambiumError("shape", where, `expected [batch, channels, ${rank ? axes.join(", ") : "one to three spatial axes"}], got ${show(x.shape)}`);
  }
  const factors = scaleFactor === undefined || typeof scaleFactor === "number" ? spatial.map(() => scaleFactor ?? 1) : scaleFactor;
  if (factors.length !== spatial.length)
    throw new CambiumError(
      "shape",
      where,
      `scaleFactor has ${factors.length} entries for ${spatial.length} spatial axes of ${show(x.shape)}; give one number or ${spatial.length}`,
    );
  const sizes = size === undefined ? spatial.map((d, i) => Math.floor(d * factors[i]!)) : perAxis(where, "size", size, spatial.length);
  const axes = spatial.map((_, i) => i + 2);
  const scales = scaleFactor !== undefined && !recomputeScaleFactor ? { scales: factors } : {};
  return x.resize(sizes, { axes, method, alignCorners, ...scales });
}

/**
 * `x` in other sizes.
 * @shape [batch, channels, ...spatial] → [batch, channels, ...sizes], with one to three spatial axes
 * @source PyTorch `nn.functional.interpolate`, without `antialias`
 * @throws a `shape` error when the mode is for another number of spatial axes
 * @example
 * ```ts
 * nn.functional.interpolate(images, { scaleFactor: 2, mode: "bilinear" });
 * ```
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  checked("interpolate", options);
  return resized("interpolate", x, options);
}

/**
 * Its input in another size.
 * @shape [batch, channels, ...spatial] → [batch, channels, ...sizes], with one to three spatial axes
 * @source PyTorch `nn.Upsample`
 */
export class Upsample extends Module {
  readonly #options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    checked(this.constructor.name, options);
    this.#options = { ...options };
  }

  forward(x: Tensor): Tensor {
    return resized(`${this.constructor.name}(${this.describe()})`, x, this.#options);
  }

  protected override describe(): string {
    const { mode = "nearest", ...rest } = this.#options;
    return shown({ ...rest, mode });
  }
}

/** Where an image goes: its size, or how many times larger it becomes. */
export type Upsampling2dOptions = Pick<InterpolateOptions, "size" | "scaleFactor">;

/** Images with their pixels repeated @shape [batch, channels, height, width] → the same, larger @source PyTorch `nn.UpsamplingNearest2d` */
export class UpsamplingNearest2d extends Upsample {
  constructor({ size, scaleFactor }: Upsampling2dOptions) {
    super({ ...(size !== undefined && { size }), ...(scaleFactor !== undefined && { scaleFactor }), mode: "nearest" });
  }
}

/** Images with new pixels on straight lines between the old ones; corners stay corners @shape [batch, channels, height, width] → the same, larger @source PyTorch `nn.UpsamplingBilinear2d` */
export class UpsamplingBilinear2d extends Upsample {
  constructor({ size, scaleFactor }: Upsampling2dOptions) {
    super({ ...(size !== undefined && { size }), ...(scaleFactor !== undefined && { scaleFactor }), mode: "bilinear", alignCorners: true });
  }
}
