import { unknownName } from "../base/text.ts";
import type { ResizeOptions } from "../ops/interpolation.ts";

/** How pixels between pixels are made. */
export type Interpolation = "nearest" | "bilinear" | "bicubic";

const methods: Readonly<Record<Interpolation, ResizeOptions>> = {
  nearest: { method: "nearestExact" },
  bilinear: { method: "linear" },
  bicubic: { method: "cubic", cubicCoefficient: -0.5, cubicEdge: "leftOut" },
};

/** How `resize` does what Keras calls `name`; TensorFlow rounds the places of bicubic pixels to 1/1024, we do not. @source Keras `ops.image.resize` */
export function resampling(where: string, name: Interpolation): ResizeOptions {
  if (!Object.hasOwn(methods, name)) throw unknownName(where, "interpolation", String(name), Object.keys(methods));
  return methods[name];
}
