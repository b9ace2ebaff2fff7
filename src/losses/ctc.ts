import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { arange, asTensor, concat, full, stack, type TensorLike } from "../tensor/create.ts";
import { atHand } from "../tensor/known.ts";
import { scan } from "../tensor/scan.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { reduce, type Reduction } from "./reduce.ts";

export interface CTCOptions {
  /** The class that stands for nothing. Default 0. */
  blank?: number;
  /** `"mean"` (the default) divides each loss by the length of its target first. */
  reduction?: Reduction;
  /** Whether losses that are infinite, because the target is too long for the input, count as 0. Default `false`. */
  zeroInfinity?: boolean;
}

/** The logarithm of a share that is none. Finite, so that its slope is no NaN. */
const never = -1e30;

/** The logarithm of a sum of shares whose logarithms are given. */
function logSum(logs: readonly Tensor[]): Tensor {
  const top = logs.reduce((a, b) => a.maximum(b)).detach();
  return logs
    .map((x) => x.sub(top).exp())
    .reduce((a, b) => a.add(b))
    .log()
    .add(top);
}

/** `x` one place to the right along its last axis, `never` in front. */
const shifted = (x: Tensor, by: number): Tensor =>
  concat([full([x.shape[0]!, by], never, { dtype: x.dtype }), x.slice([0, 0], [undefined, x.shape[1]! - by])], 1);

/** Targets that are listed one behind the other, as rows. */
function rows(where: string, targets: Tensor, lengths: Tensor): Tensor {
  const counts = [...lengths.dataSync()];
  const longest = Math.max(1, ...counts);
  let at = 0;
  const total = counts.reduce((a, b) => a + b, 0);
  if (total !== targets.size) throw new CambiumError("shape", where, `the targets are ${targets.size} labels, the target lengths add up to ${total}`);
  return stack(counts.map((n) => concat([targets.slice([at], [(at += n)]), full([longest - n], 0, { dtype: targets.dtype })])));
}

/** Minus the logarithm of the share of all ways to read a target in an input, one number a sample; infinite where there is none. */
export function alignments(where: string, logProbs: Tensor, targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: number): Tensor {
  const [steps, batch, classes] = logProbs.shape as [number, number, number];
  if (!(Number.isInteger(blank) && blank >= 0 && blank < classes)) throw new CambiumError("value", where, `blank is ${blank}, outside the ${classes} classes`);
  if (steps === 0) throw new CambiumError("shape", where, "the input has no steps");
  const longest = targets.shape[1]!;
  const size = 2 * longest + 1;
  const labels = targets.to("int32");
  // A blank before, between and behind the labels; states are counted along the last axis.
  const gaps = full([batch, longest, 1], blank, { dtype: "int32" });
  const states = concat([concat([gaps, labels.expandDims(-1)], 2).reshape([batch, 2 * longest]), full([batch, 1], blank, { dtype: "int32" })], 1);
  const place = arange(size).expandDims(0);
  const same = concat([full([batch, 2], blank, { dtype: "int32" }), states.slice([0, 0], [undefined, size - 2])], 1).equal(states);
  // From a label straight to the next one: only where they differ, or a repetition could not be told from one.
  const leaps = states.equal(blank).logicalOr(same).logicalNot();
  const spoken = logProbs.gatherAlong(states.expandDims(0).add(full([steps, 1, 1], 0, { dtype: "int32" })), -1);
  const lengths = inputLengths.to("int32").reshape([batch, 1]);
  const first = place.less(2).where(spoken.slice([0], [1]).reshape([batch, size]), never);
  const step = (alpha: Tensor, [now, t]: readonly [Tensor, Tensor]): [Tensor, undefined] => {
    const leap = size > 2 ? leaps.where(shifted(alpha, 2), never) : undefined;
    const next = logSum([alpha, shifted(alpha, 1), ...(leap ? [leap] : [])]).add(now);
    return [lengths.greater(t).where(next, alpha), undefined];
  };
  const [alpha] = scan(step, first, [spoken.slice([1]), arange(1, steps)] as const);
  const last = targetLengths.to("int32").reshape([batch, 1]).mul(2);
  // The end is the last blank, or the last label where there is one.
  const ends = place.equal(last).logicalOr(place.equal(last.sub(1)));
  const among = ends.where(alpha, never);
  const top = among.max(-1, { keep: true }).detach();
  const total = among
    .sub(top)
    .exp()
    .sum(-1)
    .log()
    .add(top.reshape([batch]));
  const possible = total.greater(never / 2);
  return possible.where(total.neg(), Infinity);
}

/**
 * How surprising targets are to an input in which each label may stand anywhere, in order: the sum over all ways to read them.
 * It is one loop over the steps of the input inside the engine.
 * @shape logProbs [time, batch, classes] or [time, classes], targets [batch, longest] or all labels in a row, lengths [batch]
 * @source PyTorch `F.ctc_loss`; Graves et al., "Connectionist temporal classification" (2006)
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: TensorLike,
  targetLengths: TensorLike,
  { blank = 0, reduction = "mean", zeroInfinity = false }: CTCOptions = {},
): Tensor {
  const where = "ctcLoss";
  if (logProbs.rank !== 2 && logProbs.rank !== 3)
    throw new CambiumError("shape", where, `the input is ${show(logProbs.shape)}; it must be [time, batch, classes] or [time, classes]`);
  const single = logProbs.rank === 2;
  const input = single ? logProbs.expandDims(1) : logProbs;
  const [steps, batch] = input.shape as [number, number];
  const [of, to] = [inputLengths, targetLengths].map((lengths) => asTensor(lengths).to("int32").reshape([-1])) as [Tensor, Tensor];
  if (of.size !== batch || to.size !== batch)
    throw new CambiumError("shape", where, `the batch is ${batch}; there are ${of.size} input lengths and ${to.size} target lengths`);
  const longest = Math.max(...(atHand(asTensor(inputLengths)) ?? [0]));
  if (longest > steps) throw new CambiumError("value", where, `an input length is ${longest}; the input has ${steps} steps`);
  const listed = targets.rank === 2 ? targets : rows(where, targets, to);
  const losses = alignments(where, input, listed, of, to, blank);
  const counted = zeroInfinity ? losses.equal(Infinity).where(0, losses) : losses;
  if (reduction === "mean") return counted.div(to.maximum(1).to(counted.dtype)).mean();
  const reduced = reduce(where, counted, reduction);
  return single && reduction === "none" ? reduced.reshape([]) : reduced;
}
