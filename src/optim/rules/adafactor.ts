import { zeros } from "../../tensor/create.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { fixed, type Rule, type Slots } from "../rule.ts";

export interface AdafactorSettings {
  /** The power with which the share of new squares falls. */
  decay: number;
  /** Keeps squares above 0; left out, the smallest step of the parameter's dtype. */
  eps1: number | undefined;
  /** The least size that parameters are taken to have. */
  eps2: number;
  /** How large, in the mean square, a step may be. */
  clip: number;
  /** Whether the rate is at most `1 / √steps`; always so in PyTorch. */
  relative?: boolean;
  /** Where eps1 comes in, and whether decay counts for the size of a parameter. */
  way: "torch" | "keras";
}

const rms = (x: Tensor): Tensor => x.square().mean().sqrt();

/** Mean squares of matrices kept as those of their rows and columns. @source Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018) */
export const adafactor = ({ decay, eps1, eps2, clip, way }: AdafactorSettings): Rule => ({
  counts: true,
  slots: ({ shape, dtype }): Slots =>
    shape.length < 2
      ? { square: 0 }
      : {
          row: zeros([...shape.slice(0, -1), 1], { dtype }),
          column: zeros([...shape.slice(0, -2), 1, shape.at(-1)!], { dtype }),
        },
  common: (rate, count) => ({ share: count.pow(fixed(decay, count)), rho: rate.minimum(count.rsqrt()) }),
  step: ({ parameter, before, gradient, slots, common }) => {
    const small = eps1 ?? (parameter.dtype === "float64" ? 2 ** -52 : 2 ** -23);
    const share = common["share"]!;
    const squares = way === "torch" ? gradient.square() : gradient.square().add(fixed(small, parameter));
    const alpha = rms(way === "torch" ? before : parameter)
      .maximum(fixed(eps2, parameter))
      .mul(common["rho"]!);
    const [estimate, next] = estimated(squares, slots, share, way === "torch" ? fixed(small, parameter) : undefined);
    const floored = way === "torch" ? estimate.maximum(fixed(small * small, parameter)) : estimate;
    const step = gradient.mul(floored.rsqrt());
    const length = rms(step).div(fixed(clip, parameter)).maximum(1);
    return { parameter: parameter.sub(step.mul(alpha.div(length))), slots: next };
  },
});

/** Mean squares, and what is to be remembered of them. */
function estimated(squares: Tensor, slots: Readonly<Record<string, Tensor>>, share: Tensor, least: Tensor | undefined): [Tensor, Record<string, Tensor>] {
  if (slots["square"]) {
    const square = slots["square"].lerp(squares, share);
    return [square, { square }];
  }
  const row = slots["row"]!.lerp(squares.mean(-1, { keep: true }), share);
  const column = slots["column"]!.lerp(squares.mean(-2, { keep: true }), share);
  const size = row.mean(-2, { keep: true });
  return [row.mul(column).div(least ? size.maximum(least) : size), { row, column }];
}
