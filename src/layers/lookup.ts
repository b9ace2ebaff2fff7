/** Layers that look words up in a vocabulary. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { openFiles } from "../data/files.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encoded, type OutputMode, outputMode } from "./encoding.ts";
import type { LayerOptions } from "./layer.ts";
import { bucketOf, Reader, type Salt } from "./reader.ts";
import { Census, Vocabulary } from "./vocabulary.ts";
import { eachBatch, inRow, nested, type Word, type Words } from "./words.ts";

type Known = string | number;

export interface LookupOptions extends LayerOptions {
  /** The most words there may be, mask and unknown ones included. Default: as many as `adapt` finds. */
  maxTokens?: number | null;
  /** How many numbers stand for words that are not known; with several, a hash says which. With 0 such a word is a mistake. Default 1. */
  numOovIndices?: number;
  /** The word for nothing: its number is 0, and other modes than `"int"` pass over it. Default: there is none. */
  maskToken?: Known | null;
  /** What stands in the vocabulary for words that are not known. Default `"[UNK]"`, of numbers −1. */
  oovToken?: Known;
  /** The words, in place of `adapt`. */
  vocabulary?: readonly Known[];
  /** With `"tfIdf"`, what an occurrence of each word counts. */
  idfWeights?: readonly number[];
  /** Goes from numbers to words instead. Default `false`. */
  invert?: boolean;
  /** Default `"int"`. */
  outputMode?: OutputMode | "one_hot" | "multi_hot" | "tf_idf";
  /** Whether rows have `maxTokens` places, also where there are fewer words. Default `false`. */
  padToMaxTokens?: boolean;
  /** How unknown whole numbers are told apart: by the rest of a division, or by their hash. Default `"floormod"`. */
  oovMethod?: "floormod" | "farmhash";
  salt?: Salt;
}

/** Words in place of their numbers in a vocabulary, or numbers in place of words. */
export abstract class Lookup extends Reader {
  readonly mode: OutputMode;
  readonly #options: LookupOptions;
  readonly #oovToken: Known;
  #vocabulary: Vocabulary | undefined;
  #rarity: Float32Array | undefined;

  constructor(className: string, options: LookupOptions, oovToken: Known) {
    super(className, options);
    this.mode = outputMode(this.name, options.outputMode ?? "int");
    this.#options = options;
    this.#oovToken = options.oovToken ?? oovToken;
    const { maxTokens, numOovIndices = 1, vocabulary, idfWeights } = options;
    if (maxTokens !== undefined && maxTokens !== null && !(Number.isInteger(maxTokens) && maxTokens > 1))
      throw new CambiumError("value", this.name, `maxTokens is ${maxTokens}; it is a whole number from 2`);
    if (!(Number.isInteger(numOovIndices) && numOovIndices >= 0))
      throw new CambiumError("value", this.name, `numOovIndices is ${numOovIndices}; it is a whole number from 0`);
    if (options.padToMaxTokens && !maxTokens) throw new CambiumError("value", this.name, "padToMaxTokens needs to know maxTokens");
    if (options.invert && this.mode !== "int")
      throw new CambiumError("value", this.name, `outputMode is "${this.mode}"; what goes from numbers to words has "int"`);
    if (typeof vocabulary === "string")
      throw new CambiumError(
        "value",
        this.name,
        `vocabulary is the name of a file, "${vocabulary}"`,
        `make the layer first: await layer.loadVocabulary("${vocabulary}")`,
      );
    if (vocabulary) this.setVocabulary(vocabulary, idfWeights);
  }

  get #maskStart(): number {
    return this.mode === "int" && (this.#options.maskToken ?? null) !== null ? 1 : 0;
  }

  /** Mask and unknown words, which stand before the others. */
  get #special(): Known[] {
    return [...Array<Known>(this.#maskStart).fill(this.#options.maskToken!), ...Array<Known>(this.#options.numOovIndices ?? 1).fill(this.#oovToken)];
  }

  get #known(): Vocabulary {
    if (!this.#vocabulary) throw new CambiumError("state", this.name, "has no vocabulary yet", "adapt(data), or setVocabulary(words)");
    return this.#vocabulary;
  }

  /** How many places a row has. */
  get #depth(): number {
    return this.#options.padToMaxTokens ? this.#options.maxTokens! : this.vocabularySize();
  }

  /** The words of each document. */
  protected documents(data: Words): (readonly Known[])[] {
    const { items, shape } = inRow(this.name, data, true);
    const width = shape.length < 2 ? 1 : shape.at(-1)!;
    return Array.from({ length: items.length / width }, (_, i) => items.slice(i * width, (i + 1) * width).filter((word) => word !== null));
  }

  /**
   * Makes the vocabulary of the words in `data`, or in what yields batches of them: the most frequent ones first, of equally frequent ones the last by their letters.
   * @throws a `state` error where the vocabulary was given
   */
  adapt(data: Words | Iterable<Words>, options?: { readonly steps?: number }): this;
  adapt(data: AsyncIterable<Words>, options?: { readonly steps?: number }): Promise<this>;
  adapt(data: Words | Iterable<Words> | AsyncIterable<Words>, { steps }: { readonly steps?: number } = {}): this | Promise<this> {
    if (this.#options.vocabulary)
      throw new CambiumError("state", this.name, "the vocabulary was given and cannot be measured", "leave the option vocabulary out");
    const census = new Census();
    const all = eachBatch<Words>(data as Words, (batch) => this.documents(batch).forEach((words) => census.add(words)), steps);
    const finish = (): this => {
      const special = this.#special;
      const words = census.words([this.#options.maskToken, this.#oovToken], (this.#options.maxTokens ?? Number.POSITIVE_INFINITY) - special.length);
      this.#vocabulary = new Vocabulary(this.name, words);
      if (this.mode === "tfIdf")
        this.#weigh(
          words.map((word) => census.rarity(word)),
          true,
        );
      return this;
    };
    return all ? all.then(finish) : finish();
  }

  #weigh(weights: readonly number[], wordsOnly: boolean): void {
    const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
    const front = wordsOnly ? Array<number>(this.#special.length).fill(mean) : [];
    this.#rarity = Float32Array.from({ length: this.#depth }, (_, i) => [...front, ...weights][i] ?? 0);
  }

  /** The words by their numbers; without mask and unknown ones where `includeSpecialTokens` is false. */
  getVocabulary(includeSpecialTokens = true): Known[] {
    const words = this.#vocabulary?.words ?? [];
    return includeSpecialTokens ? [...this.#special, ...words] : [...words];
  }

  /** How many numbers there are, mask and unknown words included. */
  vocabularySize(): number {
    return this.#special.length + this.#known.words.length;
  }

  /**
   * Sets the words, in the order of their numbers; mask and unknown words may stand before them. `idfWeights`: with `"tfIdf"`, what an occurrence of each counts.
   * @throws a `value` error for words that come twice, or too many of them
   */
  setVocabulary(vocabulary: readonly Known[], idfWeights?: readonly number[]): void {
    const where = `${this.name}.setVocabulary`;
    if ((this.mode === "tfIdf") !== (idfWeights !== undefined))
      throw new CambiumError("value", where, idfWeights ? `idfWeights go with outputMode "tfIdf", not "${this.mode}"` : 'outputMode "tfIdf" needs idfWeights');
    const special = this.#special;
    const whole = special.length > 0 && special.every((word, i) => vocabulary[i] === word);
    const words = whole ? vocabulary.slice(special.length) : [...vocabulary];
    const { maskToken = null, maxTokens, invert } = this.#options;
    for (const token of [maskToken, ...(invert ? [this.#oovToken] : [])])
      if (token !== null && words.includes(token))
        throw new CambiumError("value", where, `${JSON.stringify(token)} stands among the words; it may stand before them: ${JSON.stringify(special)}`);
    const known = new Vocabulary(where, words);
    if (maxTokens && words.length + special.length > maxTokens)
      throw new CambiumError("value", where, `${words.length} words and ${special.length} others are more than maxTokens, ${maxTokens}`);
    if (idfWeights && idfWeights.length !== vocabulary.length)
      throw new CambiumError("value", where, `there are ${idfWeights.length} idfWeights for ${vocabulary.length} words`);
    this.#vocabulary = known;
    if (idfWeights) this.#weigh(idfWeights, !whole);
  }

  /**
   * Sets the words that a file has, one a line.
   * @throws a `file` error when there is no such file
   */
  async loadVocabulary(path: string): Promise<void> {
    const bytes = await openFiles(`${this.name}.loadVocabulary`, path).read(path);
    if (!bytes) throw new CambiumError("file", path, "there is no such file");
    const lines = new TextDecoder()
      .decode(bytes)
      .replace(/(\r?\n)+$/, "")
      .split(/\r?\n/);
    this.setVocabulary(typeof this.#oovToken === "number" ? lines.map(Number) : lines);
  }

  /** Writes the words to a file, one a line, mask and unknown ones first. */
  async saveVocabulary(path: string): Promise<void> {
    await openFiles(`${this.name}.saveVocabulary`, path).write(path, new TextEncoder().encode(`${this.getVocabulary().join("\n")}\n`));
  }

  /** The number of a word, below 0 for none. */
  #numberOf(word: Word): number {
    const { maskToken = null, numOovIndices = 1, oovMethod = "floormod", salt } = this.#options;
    if (word === null || word === maskToken) return this.mode === "int" ? 0 : -1;
    const place = this.#known.places.get(word);
    if (place !== undefined) return place + this.#special.length;
    if (numOovIndices === 0)
      throw new CambiumError("data", this.name, `${JSON.stringify(word)} is not in the vocabulary`, "numOovIndices: 1 makes room for unknown words");
    if (numOovIndices === 1) return this.#maskStart;
    const rest =
      typeof word === "number" && oovMethod === "floormod" ? ((word % numOovIndices) + numOovIndices) % numOovIndices : bucketOf(word, numOovIndices, salt);
    return this.#maskStart + rest;
  }

  /** The numbers of words, lying as those do. */
  protected numbers(items: readonly Word[], shape: Shape): Tensor {
    return fromArray(
      Int32Array.from(items, (word) => this.#numberOf(word)),
      shape,
    );
  }

  override read(data: Words): Tensor {
    if (this.#options.invert) throw new CambiumError("state", this.name, "makes words, which no other layer takes", "call its forward on what the model gives");
    const { items, shape } = inRow(this.name, data, this.mode !== "int");
    return this.numbers(items, shape);
  }

  override readShape(input: Shape | undefined = this.inputShape): Shape | undefined {
    if (this.mode === "int") return input;
    return this.#vocabulary ? (input ?? [1]) : undefined;
  }

  protected override call(x: Tensor): Tensor {
    if (this.mode === "int") return x;
    const rows = encoded(x, this.mode, this.#depth);
    return this.#rarity ? rows.mul(fromArray(this.#rarity)) : rows;
  }

  override forward(...given: any[]): any {
    if (!this.#options.invert) return super.forward(...given);
    const { items, shape } = inRow(this.name, given[0] as Words);
    const words = this.getVocabulary();
    return nested(
      items.map((i) => words[i as number] ?? this.#oovToken),
      shape,
    );
  }

  override getConfig(): Record<string, unknown> {
    const config = super.getConfig();
    return this.#vocabulary
      ? { ...config, vocabulary: this.getVocabulary(), ...(this.#rarity && { idfWeights: [...this.#rarity].slice(0, this.vocabularySize()) }) }
      : config;
  }
}

export class StringLookup extends Lookup {
  constructor(options: LookupOptions = {}) {
    super("StringLookup", options, "[UNK]");
  }
}

export class IntegerLookup extends Lookup {
  constructor(options: LookupOptions = {}) {
    super("IntegerLookup", options, -1);
    const { salt, oovMethod = "floormod" } = options;
    if (salt !== undefined && oovMethod !== "farmhash") throw new CambiumError("value", this.name, `salt goes with oovMethod "farmhash", not "${oovMethod}"`);
  }
}

/**
 * Words in place of their numbers in a vocabulary, which `adapt` makes or `vocabulary` gives; with `invert`, numbers in place of words. Strings are read outside of the graph: see `textVectorization`.
 * @shape strings `[batch, ...]` → whole numbers `[batch, ...]`, or rows `[batch, words]`
 * @source Keras `StringLookup`
 * @example
 * ```ts
 * const lookup = layers.stringLookup().adapt(["b", "a", "b"]);
 * lookup.forward(["a", "b", "c"]); // 2, 1, 0
 * ```
 */
export const stringLookup = (options?: LookupOptions): StringLookup => new StringLookup(options);

/**
 * Any whole numbers in place of their places in a vocabulary, which `adapt` makes or `vocabulary` gives; with `invert`, the way back. It stands where a model begins.
 * @shape `[batch, ...]` → whole numbers `[batch, ...]`, or rows `[batch, words]`
 * @source Keras `IntegerLookup`
 */
export const integerLookup = (options?: LookupOptions): IntegerLookup => new IntegerLookup(options);
