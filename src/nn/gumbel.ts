import { CambiumError } from "../base/error.ts";
import { gumbel } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface GumbelOptions {
  /** The lower, the nearer to a choice of one; above 0. Default 1. */
  tau?: number;
  /** Gives the choice itself, ones and zeros, with the gradient of the shares. Default `false`. */
  hard?: boolean;
  /** The axis of the choices. Default −1. */
  dim?: number;
}

/**
 * A choice drawn with the chances that `logits` speak of, as shares through which gradients flow.
 * @shape [..., choices, ...] → the same
 * @source PyTorch `F.gumbel_softmax`; Jang, Gu and Poole (2017), Maddison, Mnih and Teh (2017)
 */
export function gumbelSoftmax(logits: Tensor, { tau = 1, hard = false, dim = -1 }: GumbelOptions = {}): Tensor {
  if (!(tau > 0)) throw new CambiumError("value", "gumbelSoftmax", `tau is ${tau}; it is a number above 0`);
  const shares = logits.add(gumbel(logits.shape, logits.dtype)).div(tau).softmax(dim);
  if (!hard) return shares;
  const chosen = shares.argMax(dim).oneHot(logits.shape.at(dim)!, logits.dtype).moveAxis(-1, dim);
  return chosen.sub(shares).detach().add(shares);
}
