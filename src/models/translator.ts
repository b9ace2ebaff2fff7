import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { Embedding } from "../nn/embedding.ts";
import { normal } from "../nn/init.ts";
import { expectCount, shown } from "../nn/input.ts";
import { Linear } from "../nn/linear.ts";
import { PositionalEncoding } from "../nn/positional.ts";
import { Transformer } from "../nn/transformer.ts";
import { causalMask } from "../nn/heads.ts";
import { tensor } from "../tensor/create.ts";
import { noGrad } from "../tensor/functional.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface TranslatorOptions {
  /** How many different tokens come in. */
  sourceSize: number;
  /** How many different tokens go out. Default: as many as come in. */
  targetSize?: number;
  /** Default 512. */
  dModel?: number;
  /** Default 8. */
  heads?: number;
  /** Of the encoder, and of the decoder. Default 6. */
  layers?: number;
  /** Default 2048. */
  dimFeedforward?: number;
  /** Default 0.1. */
  dropout?: number;
  /** The most tokens of a sequence. Default 5000. */
  maxLen?: number;
  /** The token that stands for nothing; nobody looks at it. */
  padding?: number;
}

export interface TranslateOptions {
  /** The token that begins every result. */
  begin: number;
  /** The token that ends a result. */
  end?: number;
  /** Default 100. */
  maxNewTokens?: number;
}

/**
 * The encoder-decoder of "Attention is all you need": vectors of tokens with waves for positions, a Transformer, and a score for each next token. Without options its base size.
 * @shape source [batch, positions], target [batch, other positions] of whole numbers → [batch, other positions, targetSize]
 * @source Vaswani et al., "Attention is all you need" (2017); the layers are PyTorch's `nn.Transformer`
 */
export class Translator extends Module {
  readonly padding: number | undefined;
  readonly maxLen: number;
  source: Embedding;
  target: Embedding;
  positions: PositionalEncoding;
  transformer: Transformer;
  head: Linear;

  constructor(options: TranslatorOptions) {
    super();
    const { sourceSize, targetSize = sourceSize, dModel = 512, heads = 8, layers = 6, dimFeedforward = 2048, dropout = 0.1, maxLen = 5000, padding } = options;
    for (const [name, count] of Object.entries({ sourceSize, targetSize, dModel, heads, layers, maxLen })) expectCount("Translator", name, count);
    this.padding = padding;
    this.maxLen = maxLen;
    this.source = new Embedding(sourceSize, dModel);
    this.target = new Embedding(targetSize, dModel);
    // Multiplied by the root of their length when looked up, vectors are of the size of the waves that are added.
    for (const { weight } of [this.source, this.target]) normal(weight, 0, 1 / Math.sqrt(dModel));
    this.positions = new PositionalEncoding(dModel, { maxLen, dropout });
    this.transformer = new Transformer({ dModel, nhead: heads, numEncoderLayers: layers, numDecoderLayers: layers, dimFeedforward, dropout, batchFirst: true });
    this.head = new Linear(dModel, targetSize);
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.#decode(this.#encode(source), source, target);
  }

  #placed(table: Embedding, tokens: Tensor): Tensor {
    if (tokens.rank !== 2) throw new CambiumError("shape", "Translator", `expected [batch, positions] of whole numbers, got ${show(tokens.shape)}`);
    return this.positions.forward(table.forward(tokens).mul(Math.sqrt(table.embeddingDim)));
  }

  #hidden(tokens: Tensor): Tensor | undefined {
    return this.padding === undefined ? undefined : tokens.equal(this.padding);
  }

  #encode(source: Tensor): Tensor {
    return this.transformer.encoder.forward(this.#placed(this.source, source), { keyPaddingMask: this.#hidden(source) });
  }

  #decode(memory: Tensor, source: Tensor, target: Tensor): Tensor {
    const masks = {
      tgtMask: causalMask(target.shape[1]!).logicalNot(),
      tgtKeyPaddingMask: this.#hidden(target),
      memoryKeyPaddingMask: this.#hidden(source),
    };
    return this.head.forward(this.transformer.decoder.forward(this.#placed(this.target, target), memory, masks));
  }

  /** For each source the likeliest next token, again and again, from `begin` until `end` (which is left out) or until there are `maxNewTokens`. */
  async translate(source: readonly (readonly number[])[], { begin, end, maxNewTokens = 100 }: TranslateOptions): Promise<number[][]> {
    if (source.length === 0) throw new CambiumError("value", "Translator.translate", "there is no sequence to translate");
    const wasTraining = this.training;
    this.eval();
    try {
      const given = tensor(source as number[][], { dtype: "int32" });
      const memory = noGrad(() => this.#encode(given));
      const made = source.map(() => [begin]);
      const open = new Set(source.keys());
      for (let i = 0; i < maxNewTokens && open.size > 0; i++) {
        const length = made[0]!.length;
        const scores = noGrad(() => this.#decode(memory, given, tensor(made, { dtype: "int32" })).slice([0, length - 1], [source.length, length]));
        const next = await scores.argMax(-1).data();
        made.forEach((tokens, row) => {
          tokens.push(next[row]!);
          if (next[row] === end) open.delete(row);
        });
      }
      return made.map((tokens) => tokens.slice(1, end !== undefined && tokens.includes(end, 1) ? tokens.indexOf(end, 1) : undefined));
    } finally {
      this.train(wasTraining);
    }
  }

  protected override describe(): string {
    return shown({ maxLen: this.maxLen });
  }
}

/** The encoder-decoder of "Attention is all you need". */
export const translator = (options: TranslatorOptions): Translator => new Translator(options);
