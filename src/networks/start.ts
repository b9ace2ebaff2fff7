/** Start values that several networks share. */
import type { Module } from "../module/module.ts";
import { Conv2d } from "../nn/conv.ts";
import { kaimingNormal, normal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";

/** Convolutions in front of rectifiers: spread so that gradients keep their size on the way back. @source He et al., "Delving deep into rectifiers" (2015) */
export function startConvolution(module: Module): void {
  if (!(module instanceof Conv2d)) return;
  kaimingNormal(module.weight, { mode: "fanOut", nonlinearity: "relu" });
  if (module.bias) zeros(module.bias);
}

/** Linear maps of the older networks: a narrow bell curve. */
export function startLinear(module: Module): void {
  if (!(module instanceof Linear)) return;
  normal(module.weight, 0, 0.01);
  if (module.bias) zeros(module.bias);
}
