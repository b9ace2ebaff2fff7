import { CambiumError } from "../base/error.ts";
import type { Stream } from "../base/random.ts";
import type { TypedArray } from "../base/dtype.ts";

/** How one of many is chosen by their scores. */
export interface Choosing {
  /** What scores are divided by: below 1 the likely becomes likelier, 0 always takes the likeliest. Default 1. */
  temperature?: number;
  /** Only that many of the likeliest are drawn from. Default: all. */
  topK?: number;
  /** Only the likeliest are drawn from that together have this chance. Default 1. */
  topP?: number;
}

/** The place of one score, drawn by the chances that softmax gives. */
export function choose(where: string, scores: TypedArray, { temperature = 1, topK = scores.length, topP = 1 }: Choosing, stream: Stream): number {
  if (!(temperature >= 0)) throw new CambiumError("value", where, `temperature is a number from 0, got ${temperature}`);
  if (!Number.isInteger(topK) || topK < 1) throw new CambiumError("value", where, `topK is a whole number from 1, got ${topK}`);
  if (!(topP > 0 && topP <= 1)) throw new CambiumError("value", where, `topP is a chance above 0, up to 1; got ${topP}`);
  if (scores.some(Number.isNaN)) throw new CambiumError("data", where, "the scores are NaN", "has the training diverged?");
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  if (temperature === 0) return order[0]!;
  const first = order.slice(0, topK);
  const weights = first.map((i) => Math.exp((scores[i]! - scores[order[0]!]!) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  let kept = 0;
  let count = 0;
  while (count < weights.length && (count === 0 || kept < topP * total)) kept += weights[count++]!;
  let left = stream.uniform() * kept;
  for (let i = 0; i < count; i++) {
    left -= weights[i]!;
    if (left < 0) return first[i]!;
  }
  return first[count - 1]!;
}
