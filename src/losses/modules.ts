/** The losses as modules: the functions of this folder with their options kept. */
import { Module } from "../module/module.ts";
import { Tensor } from "../tensor/tensor.ts";
import { CambiumError } from "../base/error.ts";
import { type BCEOptions, type BCEWithLogitsOptions, binaryCrossEntropy, binaryCrossEntropyWithLogits } from "./binary.ts";
import { crossEntropy, type CrossEntropyOptions, type NLLOptions, nllLoss } from "./crossentropy.ts";
import { type HuberOptions, huberLoss, l1Loss, mseLoss, type SmoothL1Options, smoothL1Loss } from "./distance.ts";
import { klDiv, type KLDivOptions } from "./divergence.ts";
import type { ReductionOptions } from "./reduce.ts";

/** A loss with its options: `forward(prediction, target)` gives one number, or with `reduction: "none"` one for each. */
export type Loss = Module & { forward(input: Tensor, target: Tensor): Tensor };

export type LossClass<Options extends object> = new (options?: Options) => Loss;

function loss<Options extends object>(name: string, f: (input: Tensor, target: Tensor, options?: Options) => Tensor): LossClass<Options> {
  const made = class extends Module {
    readonly #options: Options | undefined;

    constructor(options?: Options) {
      super();
      this.#options = options;
    }

    forward(input: Tensor, target: Tensor): Tensor {
      for (const [what, given] of [
        ["the prediction", input],
        ["the target", target],
      ] as const)
        if (!(given instanceof Tensor))
          throw new CambiumError("value", name, `${what} must be a tensor, got ${given === null ? "null" : typeof given}`, "wrap it: tensor(x)");
      return f(input, target, this.#options);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
}

/** The mean squared distance. @shape input and target [...] @source PyTorch `nn.MSELoss` */
export const MSELoss: LossClass<ReductionOptions> = loss("MSELoss", mseLoss);

/** The mean distance. @shape input and target [...] @source PyTorch `nn.L1Loss` */
export const L1Loss: LossClass<ReductionOptions> = loss("L1Loss", l1Loss);

/** A square near 0, the distance farther off. @shape input and target [...] @source PyTorch `nn.SmoothL1Loss` */
export const SmoothL1Loss: LossClass<SmoothL1Options> = loss("SmoothL1Loss", smoothL1Loss);

/** A square near 0, `delta` times the distance farther off. @shape input and target [...] @source PyTorch `nn.HuberLoss` */
export const HuberLoss: LossClass<HuberOptions> = loss("HuberLoss", huberLoss);

/**
 * How surprising the truth is to scores, before any softmax.
 * @shape input [batch, classes, ...], target [batch, ...] of class numbers or [batch, classes, ...] of shares
 * @source PyTorch `nn.CrossEntropyLoss`
 */
export const CrossEntropyLoss: LossClass<CrossEntropyOptions> = loss("CrossEntropyLoss", crossEntropy);

/** Minus the logarithmic share of the true class. @shape input [batch, classes, ...], target [batch, ...] @source PyTorch `nn.NLLLoss` */
export const NLLLoss: LossClass<NLLOptions> = loss("NLLLoss", nllLoss);

/** How surprising the truth is to chances. @shape input and target [...] @source PyTorch `nn.BCELoss` */
export const BCELoss: LossClass<BCEOptions> = loss("BCELoss", binaryCrossEntropy);

/** How surprising the truth is to scores, before any sigmoid. @shape input and target [...] @source PyTorch `nn.BCEWithLogitsLoss` */
export const BCEWithLogitsLoss: LossClass<BCEWithLogitsOptions> = loss("BCEWithLogitsLoss", binaryCrossEntropyWithLogits);

/** How far one distribution, given by its logarithms, lies from another. @shape input and target [...] @source PyTorch `nn.KLDivLoss` */
export const KLDivLoss: LossClass<KLDivOptions> = loss("KLDivLoss", klDiv);
