import { Module } from "../module/module.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Images of twice the size, new pixels on straight lines between the old ones; corners stay corners.
 * @shape [batch, channels, height, width] → [batch, channels, 2 · height, 2 · width]
 * @source PyTorch `nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)`
 */
export class Enlarge extends Module {
  forward(x: Tensor): Tensor {
    const [, , height, width] = x.shape as [number, number, number, number];
    return shares(height)
      .to(x.dtype)
      .matmul(x)
      .matmul(shares(width).permute([1, 0]).to(x.dtype));
  }
}

/** [2 · from, from]: how much of each old place is in each new one. */
function shares(from: number): Tensor {
  const to = 2 * from;
  const out = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = (i * (from - 1)) / (to - 1);
    const low = Math.min(Math.floor(at), from - 1);
    out[i * from + low]! += 1 - (at - low);
    if (low + 1 < from) out[i * from + low + 1]! += at - low;
  }
  return fromArray(out, [to, from]);
}
