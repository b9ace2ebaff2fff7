/** Texts as numbers. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { bare, unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Lookup, type LookupOptions } from "./lookup.ts";
import { inRow, type Word, type Words } from "./words.ts";

const standards = {
  lowerAndStripPunctuation: (text: string): string => strip(lower(text)),
  lower: (text: string): string => lower(text),
  stripPunctuation: (text: string): string => strip(text),
} as const;

const splits = {
  whitespace: (text: string): string[] => text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== ""),
  character: (text: string): string[] => [...text],
} as const;

// TensorFlow lowers the letters from A to Z only, and its punctuation is ASCII's.
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const strip = (text: string): string => text.replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, "");

export interface TextVectorizationOptions extends Omit<LookupOptions, "numOovIndices" | "maskToken" | "oovToken" | "invert" | "oovMethod" | "salt"> {
  /** What is done to a text first: a name, a function, or `null` for nothing. Default `"lowerAndStripPunctuation"`. */
  standardize?: keyof typeof standards | "lower_and_strip_punctuation" | "strip_punctuation" | ((text: string) => string) | null;
  /** How a text is cut into words: a name, a function, or `null` for not at all. Default `"whitespace"`. */
  split?: keyof typeof splits | ((text: string) => string[]) | null;
  /** Puts so many neighbouring words together: up to that number, or each number of a list. Default: words stay alone. */
  ngrams?: number | readonly number[] | null;
  /** With `"int"`: how many numbers a text has; what is longer is cut off, what is shorter filled up with 0. Default: as many as the longest text. */
  outputSequenceLength?: number | null;
}

/** A function that is called `name` among `known`, or one of one's own. */
function chosen<F>(where: string, what: string, given: unknown, known: Readonly<Record<string, F>>): F | undefined {
  if (given === null) return undefined;
  if (typeof given === "function") return given as F;
  const name = Object.keys(known).find((one) => bare(one) === bare(String(given)));
  if (!name) throw unknownName(where, what, String(given), Object.keys(known));
  return known[name];
}

/** Texts as the numbers of their words. */
export class TextVectorization extends Lookup {
  readonly #standardize: ((text: string) => string) | undefined;
  readonly #split: ((text: string) => string[]) | undefined;
  readonly #ngrams: readonly number[] | undefined;
  readonly #length: number | undefined;

  constructor(options: TextVectorizationOptions = {}) {
    const { inputShape: _, ...rest } = options;
    super("TextVectorization", { ...rest, maskToken: "" }, "[UNK]");
    const { standardize = "lowerAndStripPunctuation", split = "whitespace", ngrams = null, outputSequenceLength = null } = options;
    this.#standardize = chosen<(text: string) => string>(this.name, "standardize", standardize, standards);
    this.#split = chosen<(text: string) => string[]>(this.name, "split", split, splits);
    this.#ngrams = ngrams === null ? undefined : typeof ngrams === "number" ? Array.from({ length: ngrams }, (_, i) => i + 1) : ngrams;
    if (this.#ngrams?.some((n) => !Number.isInteger(n) || n < 1))
      throw new CambiumError("value", this.name, `ngrams is ${JSON.stringify(ngrams)}; it is a whole number from 1, or a list of them`);
    this.#length = outputSequenceLength ?? undefined;
    if (this.#length !== undefined && !(Number.isInteger(this.#length) && this.#length > 0))
      throw new CambiumError("value", this.name, `outputSequenceLength is ${this.#length}; it is a whole number from 1`);
    if (this.#length !== undefined && this.mode !== "int")
      throw new CambiumError("value", this.name, `outputSequenceLength goes with outputMode "int", not "${this.mode}"`);
  }

  /** The words of each text. */
  protected override documents(data: Words): (readonly string[])[] {
    const { items, shape } = inRow(this.name, data, true);
    const stray = items.find((text) => typeof text !== "string" && text !== null);
    if (stray !== undefined) throw new CambiumError("data", this.name, `expected texts, got ${String(stray)}`);
    if (this.#split && shape.length > 1 && shape.at(-1) !== 1)
      throw new CambiumError("shape", this.name, `expected one text a sample, got ${shape.at(-1)}`, "split: null takes words as they are");
    const texts = (items as readonly (string | null)[]).map((text) => (text !== null && this.#standardize ? this.#standardize(text) : text));
    const width = this.#split || shape.length < 2 ? 1 : shape.at(-1)!;
    return Array.from({ length: texts.length / width }, (_, i) => {
      const own = texts.slice(i * width, (i + 1) * width).filter((text) => text !== null);
      return this.#together(this.#split ? this.#split(own[0]!) : own);
    });
  }

  #together(words: readonly string[]): readonly string[] {
    if (!this.#ngrams) return words;
    return this.#ngrams.flatMap((n) => Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(" ")));
  }

  override read(data: Words): Tensor {
    const rows = this.documents(data);
    const width = this.#length ?? Math.max(1, ...rows.map((row) => row.length));
    return this.numbers(
      rows.flatMap((row) => Array.from({ length: width }, (_, i): Word => row[i] ?? null)),
      [rows.length, width],
    );
  }

  override readShape(): Shape | undefined {
    if (this.mode !== "int") return super.readShape([1]);
    return this.#length === undefined ? undefined : [this.#length];
  }
}

/**
 * Texts as the numbers of their words, in the vocabulary that `adapt` makes or `vocabulary` gives: 0 for nothing, 1 for unknown words; or as rows that say which words a text has.
 *
 * Strings are read outside of the graph. Called with strings it gives a tensor; where a model begins, `fit`, `evaluate` and `predict` take strings.
 * @shape strings `[batch]` or `[batch, 1]` → whole numbers `[batch, words]`, or rows `[batch, vocabulary]`
 * @source Keras `TextVectorization`
 * @example
 * ```ts
 * const vectorize = layers.textVectorization({ maxTokens: 1000, outputSequenceLength: 20 }).adapt(texts);
 * const model = sequential([vectorize, layers.embedding(1000, 16), layers.globalAveragePooling1d(), layers.dense(1)]);
 * await model.fit(texts, labels);
 * ```
 */
export const textVectorization = (options?: TextVectorizationOptions): TextVectorization => new TextVectorization(options);
