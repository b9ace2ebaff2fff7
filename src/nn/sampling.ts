/** Images and volumes, channels first, read at any points: spatial transformers. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import type { SampleOptions } from "../ops/sampling.ts";
import { affineGrid as gridOf, gridSample as sample } from "../tensor/functions.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { channelsLast, expectTensor } from "./input.ts";

const methods: Readonly<Record<string, NonNullable<SampleOptions["method"]>>> = { bilinear: "linear", nearest: "nearest", bicubic: "cubic" };
const borders: Readonly<Record<string, NonNullable<SampleOptions["border"]>>> = { zeros: "zeros", border: "edge", reflection: "reflect" };

export interface GridSampleOptions {
  /** Default `"bilinear"`, which is trilinear for volumes; `"bicubic"` is for images only. */
  mode?: "bilinear" | "nearest" | "bicubic";
  /** What lies outside. Default `"zeros"`. */
  paddingMode?: "zeros" | "border" | "reflection";
  /** Whether −1 and 1 are the middles of the corner pixels, not the corners. Default `false`. */
  alignCorners?: boolean;
}

/**
 * The numbers of `x` at the points of `grid`, which are pairs x, y (for volumes x, y, z) between −1 and 1.
 * @shape x [batch, channels, height, width], grid [batch, ...points, 2] → [batch, channels, ...points]; x [batch, channels, depth, height, width], grid [batch, ...points, 3]
 * @source PyTorch `F.grid_sample`; Jaderberg et al., "Spatial transformer networks" (2015)
 */
export function gridSample(x: Tensor, grid: Tensor, { mode = "bilinear", paddingMode = "zeros", alignCorners = false }: GridSampleOptions = {}): Tensor {
  for (const one of [x, grid]) expectTensor("gridSample", one);
  if (!Object.hasOwn(methods, mode)) throw unknownName("gridSample", "mode", String(mode), Object.keys(methods));
  if (!Object.hasOwn(borders, paddingMode)) throw unknownName("gridSample", "paddingMode", String(paddingMode), Object.keys(borders));
  return channelsLast(x, (x) => sample(x, grid, { method: methods[mode]!, border: borders[paddingMode]!, alignCorners }));
}

/**
 * The grid that reads images, or volumes, turned, scaled and moved by `theta`.
 * @shape theta [batch, 2, 3], size [batch, channels, height, width] → [batch, height, width, 2]; theta [batch, 3, 4], size with depth → [batch, depth, height, width, 3]
 * @source PyTorch `F.affine_grid`
 */
export function affineGrid(theta: Tensor, size: Shape, { alignCorners = false }: { alignCorners?: boolean } = {}): Tensor {
  expectTensor("affineGrid", theta);
  if (size.length !== 4 && size.length !== 5)
    throw new CambiumError("shape", "affineGrid", `size is ${show(size)}; it is [batch, channels, height, width], for volumes with depth before height`);
  return gridOf(theta, size.slice(2), alignCorners);
}
