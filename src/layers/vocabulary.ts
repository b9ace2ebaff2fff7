/** Words and their numbers. */
import { CambiumError } from "../base/error.ts";

/** Keras' order of words that are as frequent as each other: by their bytes, the last first. */
function later(a: string | number, b: string | number): number {
  if (typeof a === "number" || typeof b === "number") return Number(b) - Number(a);
  const [p, q] = [[...a], [...b]];
  for (let i = 0; i < Math.min(p.length, q.length); i++) if (p[i] !== q[i]) return q[i]!.codePointAt(0)! - p[i]!.codePointAt(0)!;
  return q.length - p.length;
}

/** What was seen of words: how often each occurs, in how many documents. */
export class Census {
  readonly #counts: Map<string | number, number> = new Map();
  readonly #documents: Map<string | number, number> = new Map();
  #total = 0;

  /** Takes in a document. */
  add(words: readonly (string | number)[]): void {
    for (const word of words) this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
    for (const word of new Set(words)) this.#documents.set(word, (this.#documents.get(word) ?? 0) + 1);
    this.#total++;
  }

  /** The words without those of `leave`, most frequent first, at most `most` of them. */
  words(leave: readonly unknown[], most: number): (string | number)[] {
    const found = [...this.#counts].filter(([word]) => !leave.includes(word));
    return found
      .sort(([a, m], [b, n]) => n - m || later(a, b))
      .slice(0, most)
      .map(([word]) => word);
  }

  /** How rare a word is: log(1 + documents / (1 + documents that have it)). */
  rarity(word: string | number): number {
    return Math.log(1 + this.#total / (1 + (this.#documents.get(word) ?? 0)));
  }
}

/** Words, each with its place. */
export class Vocabulary {
  readonly words: readonly (string | number)[];
  readonly places: ReadonlyMap<string | number, number>;

  /** @throws a `value` error when there are no words, or one comes twice */
  constructor(where: string, words: readonly (string | number)[]) {
    if (words.length === 0) throw new CambiumError("value", where, "the vocabulary is empty");
    this.words = words;
    this.places = new Map(words.map((word, i) => [word, i]));
    if (this.places.size !== words.length) {
      const twice = words.find((word, i) => this.places.get(word) !== i);
      throw new CambiumError("value", where, `the vocabulary has ${JSON.stringify(twice)} twice; each word has one place`);
    }
  }
}
