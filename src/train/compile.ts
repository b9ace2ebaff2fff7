import { CambiumError } from "../base/error.ts";
import { type AnyLoss, get as getLoss } from "../losses/get.ts";
import type { Module } from "../module/module.ts";
import { scalar } from "../graph/node.ts";
import { Tensor } from "../tensor/tensor.ts";
import { expectKnown } from "./options.ts";
import type { Learner, LossFunction, Measure } from "./task.ts";

/** How a model learns. */
export interface CompileOptions {
  optimizer?: string | any;
  loss: AnyLoss;
  metrics?: readonly any[];
}

/** How a model learns, as plain data. */
export interface Training {
  readonly optimizer: { readonly name: string; readonly config: object };
  readonly loss: { readonly name: string; readonly config: object };
  readonly metrics: readonly { readonly name: string }[];
}

/** `CompileOptions` with the names resolved. */
export interface Resolved {
  readonly optimizer: { learningRate: number };
  readonly loss: LossFunction;
  readonly metrics: readonly Measure[];
  compileConfig(): Training | undefined;
}

export function resolve(options: CompileOptions): Resolved {
  expectKnown("compile", options, ["optimizer", "loss", "metrics"]);
  const loss = getLoss(options.loss);
  return {
    optimizer: { learningRate: 0.01 },
    loss: loss as LossFunction,
    metrics: (options.metrics ?? []).map((name) => ({ name, values: accuracy })),
    compileConfig: () => ({
      optimizer: { name: "sgd", config: {} },
      loss: { name: (loss as any).lossName, config: (loss as any).config },
      metrics: (options.metrics ?? []).map((name) => ({ name })),
    }),
  };
}

const accuracy = (t: Tensor, p: Tensor): Tensor =>
  p
    .argMax(-1)
    .equal(t.rank === p.rank ? t.argMax(-1) : t.to("int32"))
    .to("float32");

export function compileOptions(training: Training): CompileOptions {
  return { optimizer: training.optimizer.name, loss: training.loss.name, metrics: training.metrics.map(({ name }) => name) };
}

export function bind({ optimizer }: Resolved, module: Module): Learner {
  const parameters = module.parameters();
  const rate = scalar(0.01, "float32");
  rate.owner = () => optimizer.learningRate;
  if (!optimizer) throw new CambiumError("state", "x", "y");
  return {
    zeroGrad: () => module.zeroGrad(),
    step: () => {
      for (const p of parameters) p.assign(p.sub(p.grad!.mul(new Tensor(rate))));
    },
    stateDict: () => ({}),
    loadStateDict: () => undefined,
  };
}
