import type { Shape } from "../base/shape.ts";
import type { Module } from "../module/module.ts";
import { compile } from "../tensor/compile.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Samples } from "./feed.ts";
import type { Logs } from "./history.ts";
import { Meter } from "./meter.ts";
import type { Task } from "./task.ts";

/** The places of samples, one number each, as a program takes them. */
type Batch = Int32Array;

/** What is done with a batch, each as one program that is traced once: learn from it, or measure it. A program takes its samples from the whole data itself. */
export class Programs {
  readonly #train: (...args: Tensor[]) => Record<string, Tensor>;
  readonly #test: (...args: Tensor[]) => Record<string, Tensor>;
  readonly #learning: Meter;
  readonly #testing: Meter;

  constructor(task: Task) {
    const { module, optimizer } = task;
    const gauges = [
      { name: "loss", result: ([sum, count]: readonly number[]) => sum! / count! },
      ...task.metrics.map(({ name, metric }) => ({ name, result: metric.result })),
    ];
    this.#learning = new Meter(gauges);
    this.#testing = new Meter(gauges);
    this.#train = compile((index: Tensor, x: Tensor, y: Tensor, ...weight: Tensor[]) => {
      const loss = inMode(module, true, () => measure(task, this.#learning, index, x, y, weight[0]));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return {};
    });
    this.#test = compile((index: Tensor, x: Tensor, y: Tensor, ...weight: Tensor[]) => {
      inMode(module, false, () => measure(task, this.#testing, index, x, y, weight[0]));
      return {};
    });
  }

  beginTraining(): void {
    this.#learning.reset();
  }

  beginTesting(): void {
    this.#testing.reset();
  }

  train(samples: Samples, batch: Batch): void {
    this.#train(...operands(samples, batch));
    this.#learning.count(batch.length);
  }

  test(samples: Samples, batch: Batch): void {
    this.#test(...operands(samples, batch));
    this.#testing.count(batch.length);
  }

  /** The means since `beginTraining`. */
  trained(): Promise<Logs> {
    return this.#learning.read();
  }

  /** The means since `beginTesting`. */
  tested(): Promise<Logs> {
    return this.#testing.read();
  }
}

const operands = ({ x, y, weight }: Samples, batch: Batch): Tensor[] => (weight ? [fromArray(batch), x, y!, weight] : [fromArray(batch), x, y!]);

/** The rows of `x` that `index` names. Bytes, booleans and doubles become float32; whole numbers stay, since they may be looked up. */
export function take(x: Tensor, index: Tensor): Tensor {
  const rows = x.gather(index, 0);
  return rows.dtype === "int32" || rows.dtype === "float32" ? rows : rows.to("float32");
}

/** The loss of a batch, with its penalties; it and the metrics are added to `meter`. */
function measure(task: Task, meter: Meter, index: Tensor, x: Tensor, y: Tensor, weight: Tensor | undefined): Tensor {
  const n = index.shape[0]!;
  const truth = y.gather(index, 0);
  const prediction = task.module.forward(take(x, index)) as Tensor;
  const losses = task.loss(truth, prediction);
  const weights = weight?.gather(index, 0);
  const counted = weights ? losses.mul(weights.reshape(beside(losses.shape))) : losses;
  const loss = task.penalties().reduce((sum, penalty) => sum.add(penalty), counted.mean());
  meter.trace(n, [[loss.mul(n), n], ...task.metrics.map(({ metric, weighted }) => metric.sums(truth, prediction, weighted ? weights : undefined))]);
  return loss;
}

/** One number a sample, shaped to stand beside several. */
const beside = (shape: Shape): Shape => shape.map((d, i) => (i === 0 ? d : 1));

/** Runs `f` with a module and all within it in training or evaluation, and leaves each as it was. */
export function inMode<T>(module: Module, training: boolean, f: () => T): T {
  const before = module.modules().map((part) => [part, part.training] as const);
  module.train(training);
  try {
    return f();
  } finally {
    for (const [part, was] of before) part.training = was;
  }
}
