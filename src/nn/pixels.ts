/** Modules that move numbers between channels and space, without calculating. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batched, expectCount, expectTensor, shown } from "./input.ts";

function expectDivides(where: string, what: string, x: Tensor, size: number, parts: number): void {
  if (size % parts !== 0) throw new CambiumError("shape", where, `${size} ${what} of ${show(x.shape)} cannot be split into parts of ${parts}`);
}

/**
 * Groups of channels laid out as finer pixels.
 * @shape [batch, channels · r², height, width] → [batch, channels, height · r, width · r], also without batch
 * @source PyTorch `nn.PixelShuffle`; Shi et al. (2016)
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    expectCount("PixelShuffle", "upscaleFactor", upscaleFactor);
    this.upscaleFactor = upscaleFactor;
  }

  forward(x: Tensor): Tensor {
    const r = this.upscaleFactor;
    expectTensor("PixelShuffle", x);
    return batched(`PixelShuffle(${r})`, x, ["channels", "height", "width"], (x) => {
      const [n, c, h, w] = x.shape as [number, number, number, number];
      expectDivides(`PixelShuffle(${r})`, "channels", x, c, r * r);
      const split = x.reshape([n, c / (r * r), r, r, h, w]);
      return split.permute([0, 1, 4, 2, 5, 3]).reshape([n, c / (r * r), h * r, w * r]);
    });
  }

  protected override describe(): string {
    return shown({ upscaleFactor: this.upscaleFactor });
  }
}

/**
 * Blocks of pixels stacked as channels: the way back from `PixelShuffle`.
 * @shape [batch, channels, height · r, width · r] → [batch, channels · r², height, width], also without batch
 * @source PyTorch `nn.PixelUnshuffle`
 */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    expectCount("PixelUnshuffle", "downscaleFactor", downscaleFactor);
    this.downscaleFactor = downscaleFactor;
  }

  forward(x: Tensor): Tensor {
    const r = this.downscaleFactor;
    expectTensor("PixelUnshuffle", x);
    return batched(`PixelUnshuffle(${r})`, x, ["channels", "height", "width"], (x) => {
      const [n, c, h, w] = x.shape as [number, number, number, number];
      expectDivides(`PixelUnshuffle(${r})`, "rows", x, h, r);
      expectDivides(`PixelUnshuffle(${r})`, "columns", x, w, r);
      const split = x.reshape([n, c, h / r, r, w / r, r]);
      return split.permute([0, 1, 3, 5, 2, 4]).reshape([n, c * r * r, h / r, w / r]);
    });
  }

  protected override describe(): string {
    return shown({ downscaleFactor: this.downscaleFactor });
  }
}

/**
 * The channels of all groups dealt out in turn, so that the next grouped convolution sees every group.
 * @shape [batch, channels, ...] → the same
 * @source PyTorch `nn.ChannelShuffle`; Zhang et al., "ShuffleNet" (2018)
 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    expectCount("ChannelShuffle", "groups", groups);
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    expectTensor("ChannelShuffle", x);
    const [n, c = 0, ...space] = x.shape;
    if (x.rank < 3 || c % this.groups !== 0)
      throw new CambiumError("shape", `ChannelShuffle(${this.groups})`, `expected [batch, a multiple of ${this.groups} channels, ...], got ${show(x.shape)}`);
    const split = x.reshape([n!, this.groups, c / this.groups, ...space]);
    return split.permute([0, 2, 1, ...space.map((_, i) => i + 3)]).reshape(x.shape);
  }

  protected override describe(): string {
    return shown({ groups: this.groups });
  }
}
