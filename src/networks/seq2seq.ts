import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import type { GRUCell } from "../layers/cells.ts";
import { dense, type Dense } from "../layers/dense.ts";
import { embedding, type Embedding } from "../layers/embedding.ts";
import { gru, gruCell } from "../layers/recurrent.ts";
import { additiveAttention, attention, type AdditiveAttention, type Attention } from "../layers/scoring.ts";
import { bidirectional, type Bidirectional } from "../layers/wrappers.ts";
import { masked } from "../module/mask.ts";
import { Module } from "../module/module.ts";
import { expectCount, shown } from "../nn/input.ts";
import { concat, tensor, zeros } from "../tensor/create.ts";
import { noGrad } from "../tensor/functional.ts";
import { scan } from "../tensor/scan.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface Seq2SeqOptions {
  /** How many different tokens come in. */
  sourceSize: number;
  /** How many different tokens go out. Default: as many as come in. */
  targetSize?: number;
  /** Numbers that stand for a token. Default 256. */
  embeddingDim?: number;
  /** Numbers of a state. Default 512. */
  hidden?: number;
  /** How well a state matches a place of the source: by a network of one layer (Bahdanau), or by a product (Luong). Default `"additive"`. */
  attention?: "additive" | "multiplicative";
  /** The token that stands for nothing; nobody looks at it. */
  padding?: number;
}

/** What is known of a source: what stands at its places, as values and as keys, which of them count, and where a decoder begins. */
interface Memory {
  readonly values: Tensor;
  readonly keys: Tensor;
  readonly mask: Tensor | undefined;
  readonly start: Tensor[];
}

/**
 * Sequences to sequences by gated recurrent units: an encoder from both ends, and a decoder that looks back at the places of the source by attention.
 * Additive attention comes before each step, as Bahdanau has it; multiplicative attention after it, and feeds the next, as Luong has it.
 * @shape source [batch, positions], target [batch, other positions] of whole numbers → [batch, other positions, targetSize] scores of the next tokens
 * @source Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate" (2014); Luong, Pham and Manning (2015), with general scores and input feeding
 */
export class Seq2Seq extends Module {
  readonly kind: "additive" | "multiplicative";
  readonly padding: number | undefined;
  readonly hidden: number;
  source: Embedding;
  target: Embedding;
  encoder: Bidirectional;
  bridge: Dense;
  keys: Dense;
  queries: Dense | undefined;
  attention: AdditiveAttention | Attention;
  cell: GRUCell;
  mix: Dense | undefined;
  head: Dense;

  constructor(options: Seq2SeqOptions) {
    super();
    const { sourceSize, targetSize = sourceSize, embeddingDim = 256, hidden = 512, attention: kind = "additive", padding } = options;
    for (const [name, count] of Object.entries({ sourceSize, targetSize, embeddingDim, hidden })) expectCount("Seq2Seq", name, count);
    if (kind !== "additive" && kind !== "multiplicative")
      throw new CambiumError("name", "Seq2Seq", `there is no attention ${JSON.stringify(kind)}; it is "additive" or "multiplicative"`);
    this.kind = kind;
    this.padding = padding;
    this.hidden = hidden;
    this.source = embedding(sourceSize, embeddingDim);
    this.target = embedding(targetSize, embeddingDim);
    this.encoder = bidirectional(gru(hidden, { returnSequences: true, returnState: true }));
    this.bridge = dense(hidden, { activation: "tanh" });
    this.keys = dense(hidden, { useBias: false });
    this.queries = kind === "additive" ? dense(hidden, { useBias: false }) : undefined;
    this.attention = kind === "additive" ? additiveAttention() : attention();
    this.cell = gruCell(hidden);
    this.mix = kind === "additive" ? undefined : dense(hidden, { activation: "tanh" });
    this.head = dense(targetSize);
    // Built at once, for a step in a loop cannot make weights.
    const wide = 2 * hidden;
    for (const tokens of [this.source, this.target]) tokens.build([1]);
    this.encoder.build([2, embeddingDim]);
    this.bridge.build([wide]);
    this.keys.build([2, wide]);
    this.queries?.build([hidden]);
    this.attention.build([1, hidden], [2, wide], [2, hidden]);
    this.cell.build([embeddingDim + (kind === "additive" ? wide : hidden)]);
    this.mix?.build([wide + hidden]);
    this.head.build([kind === "additive" ? wide + hidden + embeddingDim : hidden]);
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.#run(source, target)[0];
  }

  /** How much each step of the target looks at each place of the source. @shape as `forward` → [batch, other positions, positions] */
  shares(source: Tensor, target: Tensor): Tensor {
    return this.#run(source, target)[1];
  }

  #run(source: Tensor, target: Tensor): [scores: Tensor, shares: Tensor] {
    const memory = this.#encode(source);
    const steps = this.#tokens(this.target, target).permute([1, 0, 2]);
    const [, [made, shares]] = scan((state: Tensor[], x: Tensor): readonly [Tensor[], [Tensor, Tensor]] => this.#step(memory, state, x), memory.start, steps);
    return [this.head.forward(made.permute([1, 0, 2])), shares.permute([1, 0, 2])];
  }

  #tokens(table: Embedding, tokens: Tensor): Tensor {
    if (tokens.rank !== 2) throw new CambiumError("shape", "Seq2Seq", `expected [batch, positions] of whole numbers, got ${show(tokens.shape)}`);
    return table.forward(tokens);
  }

  #encode(source: Tensor): Memory {
    const mask = this.padding === undefined ? undefined : source.notEqual(this.padding);
    const [values, ...ends] = this.encoder.forward(masked(this.#tokens(this.source, source), mask)) as unknown as [Tensor, Tensor, Tensor];
    const h = this.bridge.forward(concat(ends, -1));
    return { values, keys: this.keys.forward(values), mask, start: this.kind === "additive" ? [h] : [h, zeros(h.shape)] };
  }

  /** What a query takes of the places of the source. @shape [batch, hidden] → [batch, 2 · hidden], and shares [batch, positions] */
  #look({ values, keys, mask }: Memory, query: Tensor): [Tensor, Tensor] {
    const found = this.attention.forward([query.expandDims(1), values, keys], { returnAttentionScores: true, ...(mask && { mask: [null, mask] }) });
    return (found as unknown as Tensor[]).map((x) => x.squeeze(1)) as [Tensor, Tensor];
  }

  #next(x: Tensor, h: Tensor): Tensor {
    return this.cell.begin(x.shape[0]!)(this.cell.project(x), [h])[0]!;
  }

  /** The state after a step, and what the head makes scores of, with the shares. */
  #step(memory: Memory, [h, fed]: Tensor[], x: Tensor): readonly [Tensor[], [Tensor, Tensor]] {
    if (this.kind === "additive") {
      const [seen, shares] = this.#look(memory, this.queries!.forward(h!));
      const next = this.#next(concat([x, seen], -1), h!);
      return [[next], [concat([next, seen, x], -1), shares]];
    }
    const next = this.#next(concat([x, fed!], -1), h!);
    const [seen, shares] = this.#look(memory, next);
    const mixed = this.mix!.forward(concat([seen, next], -1));
    return [
      [next, mixed],
      [mixed, shares],
    ];
  }

  /** For each source the likeliest next token, again and again, from `begin` until `end` (which is left out) or until there are `maxNewTokens`. */
  async translate(
    source: readonly (readonly number[])[],
    { begin, end, maxNewTokens = 100 }: { begin: number; end?: number; maxNewTokens?: number },
  ): Promise<number[][]> {
    if (source.length === 0) throw new CambiumError("value", "Seq2Seq.translate", "there is no sequence to translate");
    const wasTraining = this.training;
    this.eval();
    try {
      const memory = noGrad(() => this.#encode(tensor(source as number[][], { dtype: "int32" })));
      let state = memory.start;
      let last: number[] = source.map(() => begin);
      const made: number[][] = source.map(() => []);
      const open = new Set(source.keys());
      for (let i = 0; i < maxNewTokens && open.size > 0; i++) {
        const [after, [found]] = noGrad(() => this.#step(memory, state, this.target.forward(tensor(last, { dtype: "int32" }).expandDims(1)).squeeze(1)));
        state = after;
        last = [...(await noGrad(() => this.head.forward(found).argMax(-1)).data())].map(Number);
        for (const row of open)
          if (last[row] === end) open.delete(row);
          else made[row]!.push(last[row]!);
      }
      return made;
    } finally {
      this.train(wasTraining);
    }
  }

  protected override describe(): string {
    return shown({ hidden: this.hidden, attention: this.kind });
  }
}

/** Sequences to sequences by gated recurrent units and attention. */
export const seq2seq = (options: Seq2SeqOptions): Seq2Seq => new Seq2Seq(options);
