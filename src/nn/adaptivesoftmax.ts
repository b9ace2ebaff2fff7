import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { concat } from "../tensor/create.ts";
import { atHand } from "../tensor/known.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ModuleList, Sequential } from "./containers.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { Linear } from "./linear.ts";

export interface AdaptiveLogSoftmaxOptions {
  /** Each cluster's inner size is the one before divided by this. Default 4. */
  divValue?: number;
  /** Adds a bias to the scores of the head. Default `false`. */
  headBias?: boolean;
}

/**
 * A softmax over very many classes, ordered from frequent to rare: the first `cutoffs[0]` have scores of their own, the others share clusters, whose inner sizes fall.
 * `forward(input, target)` gives the logarithmic share of each target and the mean loss.
 * @shape input [batch, inFeatures], target [batch] of class numbers → output [batch], loss []
 * @throws a `data` error for a label outside the classes, when labels are at hand
 * @source PyTorch `nn.AdaptiveLogSoftmaxWithLoss`; Grave et al., "Efficient softmax approximation for GPUs" (2017)
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number;
  readonly nClasses: number;
  /** Where each cluster ends, the last with all classes. */
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  head: Linear;
  tail: ModuleList;

  constructor(inFeatures: number, nClasses: number, cutoffs: readonly number[], { divValue = 4, headBias = false }: AdaptiveLogSoftmaxOptions = {}) {
    super();
    const where = "AdaptiveLogSoftmaxWithLoss";
    expectCount(where, "inFeatures", inFeatures);
    expectCount(where, "nClasses", nClasses);
    const rising = cutoffs.every((end, i) => Number.isInteger(end) && end > (cutoffs[i - 1] ?? 0) && end < nClasses);
    if (cutoffs.length === 0 || !rising)
      throw new CambiumError("value", where, `cutoffs are ${show(cutoffs)}; they are whole numbers that rise, from 1 to ${nClasses - 1}`);
    this.inFeatures = inFeatures;
    this.nClasses = nClasses;
    this.cutoffs = [...cutoffs, nClasses];
    this.divValue = divValue;
    this.head = new Linear(inFeatures, cutoffs[0]! + cutoffs.length, { bias: headBias });
    this.tail = new ModuleList(
      cutoffs.map((begin, i) => {
        const inner = Math.floor(inFeatures / divValue ** (i + 1));
        if (inner < 1)
          throw new CambiumError("value", where, `cluster ${i} has no inner feature left of ${inFeatures}`, "use fewer cutoffs, or a smaller divValue");
        return new Sequential(new Linear(inFeatures, inner, { bias: false }), new Linear(inner, this.cutoffs[i + 1]! - begin, { bias: false }));
      }),
    );
  }

  forward(input: Tensor, target: Tensor): { output: Tensor; loss: Tensor } {
    const where = `AdaptiveLogSoftmaxWithLoss(${this.inFeatures}, ${this.nClasses})`;
    expectTensor(where, input, this.head.weight);
    expectTensor(where, target);
    expectSize(where, input, -1, this.inFeatures, `[batch, ${this.inFeatures}]`);
    if (input.rank > 2 || target.rank !== input.rank - 1 || (target.rank === 1 && target.shape[0] !== input.shape[0]))
      throw new CambiumError("shape", where, `input is ${show(input.shape)}, target is ${show(target.shape)}; they are [batch, features] and [batch]`);
    const wrong = atHand(target)?.find((label) => !(label >= 0 && label < this.nClasses && Number.isInteger(label)));
    if (wrong !== undefined)
      throw new CambiumError("data", where, `label ${wrong} is none of the ${this.nClasses} classes, which are numbered 0 to ${this.nClasses - 1}`);
    if (input.rank === 1) {
      const one = this.forward(input.expandDims(0), target.expandDims(0));
      return { output: one.output.squeeze(0), loss: one.loss };
    }
    const label = target.to("int32").expandDims(-1);
    const shortlist = this.cutoffs[0]!;
    const head = this.head.forward(input).logSoftmax(-1);
    // Every row goes through every cluster: which rows belong where is known only when the program runs.
    let place = label;
    let within = label.to(head.dtype).mul(0);
    this.#clusters().forEach(({ cluster, begin, end }, i) => {
      const mine = label.greaterEqual(begin).logicalAnd(label.less(end));
      const share = cluster.forward(input).logSoftmax(-1).gatherAlong(label.sub(begin), -1);
      within = mine.where(share, within);
      place = mine.where(shortlist + i, place);
    });
    const output = head.gatherAlong(place, -1).add(within).squeeze(-1);
    return { output, loss: output.mean().neg() };
  }

  /** The logarithmic share of every class. @shape [batch, inFeatures] → [batch, nClasses] */
  logProb(input: Tensor): Tensor {
    expectTensor("AdaptiveLogSoftmaxWithLoss.logProb", input, this.head.weight);
    const head = this.head.forward(input).logSoftmax(-1);
    const [batch, shortlist] = [head.shape[0]!, this.cutoffs[0]!];
    const rest = this.#clusters().map(({ cluster }, i) =>
      cluster
        .forward(input)
        .logSoftmax(-1)
        .add(head.slice([0, shortlist + i], [batch, shortlist + i + 1])),
    );
    return concat([head.slice([0, 0], [batch, shortlist]), ...rest], 1);
  }

  /** The class of the largest share. @shape [batch, inFeatures] → [batch] */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argMax(-1);
  }

  #clusters(): { cluster: Sequential; begin: number; end: number }[] {
    return [...this.tail].map((cluster, i) => ({ cluster: cluster as Sequential, begin: this.cutoffs[i]!, end: this.cutoffs[i + 1]! }));
  }

  protected override describe(): string {
    const { inFeatures, nClasses, cutoffs, divValue } = this;
    return shown({ inFeatures, nClasses, cutoffs, divValue });
  }
}
