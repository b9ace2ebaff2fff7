import { CambiumError } from "../base/error.ts";

export interface BleuOptions {
  /** The longest groups of words. Default 4. */
  maxN?: number;
  /** What is done about groups that never match: nothing (`"none"`, the default), or 1 added to all counts but single words (`"addOne"`). */
  smoothing?: "none" | "addOne";
}

export interface BleuScore {
  /** From 0 to 1. */
  readonly score: number;
  /** The share of groups of 1, 2, ... words that a reference has too. */
  readonly precisions: readonly number[];
  /** What short candidates are multiplied by. */
  readonly brevityPenalty: number;
}

type Words = string | readonly string[];

const wordsOf = (text: Words): readonly string[] => (typeof text === "string" ? text.split(/\s+/).filter((word) => word !== "") : text);

function groups(words: readonly string[], n: number): Map<string, number> {
  const found = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const group = words.slice(i, i + n).join("\u0000");
    found.set(group, (found.get(group) ?? 0) + 1);
  }
  return found;
}

/**
 * How much candidate texts have in common with reference texts, over the whole corpus. Texts are split at spaces unless given as words.
 * @source Papineni et al., "BLEU: a method for automatic evaluation of machine translation" (2002); agrees with sacreBLEU without its tokenizer
 * @example
 * ```ts
 * metrics.bleu(["the cat sat on the mat"], [["the cat sat on a mat", "a cat was on the mat"]]).score;
 * ```
 */
export function bleu(candidates: readonly Words[], references: readonly (readonly Words[])[], { maxN = 4, smoothing = "none" }: BleuOptions = {}): BleuScore {
  if (!Array.isArray(candidates) || candidates.length === 0) throw new CambiumError("data", "bleu", "there are no candidates");
  if (candidates.length !== references.length)
    throw new CambiumError(
      "data",
      "bleu",
      `there are ${candidates.length} candidates and references for ${references.length}`,
      "each candidate needs its own list of references",
    );
  if (smoothing !== "none" && smoothing !== "addOne")
    throw new CambiumError("name", "bleu", `there is no smoothing "${String(smoothing)}"; it is "none" or "addOne"`);
  const matches = new Array<number>(maxN).fill(0);
  const totals = new Array<number>(maxN).fill(0);
  let [length, wanted] = [0, 0];
  candidates.forEach((candidate, i) => {
    const words = wordsOf(candidate);
    const texts = references[i]!.map(wordsOf);
    if (texts.length === 0) throw new CambiumError("data", "bleu", `candidate ${i} has no reference`);
    length += words.length;
    // The reference whose length is nearest, the shorter of two.
    wanted += texts
      .map(({ length }) => length)
      .reduce((a, b) => {
        const [da, db] = [Math.abs(a - words.length), Math.abs(b - words.length)];
        return db < da || (db === da && b < a) ? b : a;
      });
    for (let n = 1; n <= maxN; n++) {
      const most = texts.map((text) => groups(text, n));
      for (const [group, count] of groups(words, n)) {
        totals[n - 1]! += count;
        matches[n - 1]! += Math.min(count, Math.max(...most.map((of) => of.get(group) ?? 0)));
      }
    }
  });
  const precisions = totals.map((total, i) => {
    const extra = smoothing === "addOne" && i > 0 ? 1 : 0;
    return total + extra === 0 ? 0 : (matches[i]! + extra) / (total + extra);
  });
  const brevityPenalty = length === 0 ? 0 : length >= wanted ? 1 : Math.exp(1 - wanted / length);
  const score = precisions.some((p) => p === 0) ? 0 : brevityPenalty * Math.exp(precisions.reduce((sum, p) => sum + Math.log(p), 0) / maxN);
  return { score, precisions, brevityPenalty };
}
