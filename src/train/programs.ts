import type { Module } from "../module/module.ts";
import { costOf } from "../losses/function.ts";
import { compile } from "../tensor/compile.ts";
import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Samples } from "./feed.ts";
import type { Logs } from "./history.ts";
import { Meter } from "./meter.ts";
import { listOf } from "./structure.ts";
import type { Task } from "./task.ts";

/** The places of samples, one number each, as a program takes them. */
type Batch = Int32Array;

/** What is done with a batch, each as one program that is traced once: learn from it, or measure it. A program takes its samples from the whole data itself. */
export class Programs {
  readonly #train: (...args: Tensor[]) => Record<string, Tensor>;
  /** As `#train`, without an update at the end. */
  readonly #gather: (...args: Tensor[]) => Record<string, Tensor>;
  readonly #optimizer: Task["optimizer"];
  readonly #test: (...args: Tensor[]) => Record<string, Tensor>;
  /** To be called when training ends: averaged weights are taken over. */
  readonly endTraining: () => void;
  readonly #learning: Meter;
  readonly #testing: Meter;

  constructor(task: Task) {
    const { module, optimizer, goals } = task;
    const mean = ([sum, count]: readonly number[]): number => sum! / count!;
    const named = (goal: string, name: string): string => (goals.length > 1 ? `${goal}_${name}` : name);
    const gauges = [
      { name: "loss", result: mean },
      ...(goals.length > 1 ? goals.filter(({ loss }) => loss).map(({ name }) => ({ name: `${name}_loss`, result: mean })) : []),
      ...goals.flatMap((goal) => goal.metrics.map(({ name, metric }) => ({ name: named(goal.name, name), result: metric.result }))),
    ];
    this.#learning = new Meter(gauges);
    this.#testing = new Meter(gauges);
    const learn = (end: () => void): ((...args: Tensor[]) => Record<string, Tensor>) =>
      compile((index: Tensor, ...rest: Tensor[]) => {
        const loss = inMode(module, true, () => measure(task, this.#learning, index, rest));
        optimizer.zeroGrad();
        optimizer.scaled(loss).backward();
        end();
        return {};
      });
    this.#train = learn(() => optimizer.update());
    this.#gather = learn(() => optimizer.gather());
    this.#optimizer = optimizer;
    this.endTraining = () => optimizer.finish();
    this.#test = compile((index: Tensor, ...rest: Tensor[]) => {
      inMode(module, false, () => measure(task, this.#testing, index, rest));
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
    const program = this.#optimizer.due ? this.#train : this.#gather;
    program(...operands(samples, batch));
    this.#optimizer.advance();
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

const operands = ({ x, y, weight = [] }: Samples, batch: Batch): Tensor[] => [fromArray(batch), ...x, ...y, ...weight];

/** The rows of `x` that `index` names. Bytes, booleans and doubles become float32; whole numbers stay, since they may be looked up. */
export function take(x: Tensor, index: Tensor): Tensor {
  const rows = x.gather(index, 0);
  return rows.dtype === "int32" || rows.dtype === "float32" ? rows : rows.to("float32");
}

/** The loss of a batch, with its penalties; it and the metrics are added to `meter`. `given`: inputs, labels, and perhaps weights, all of them whole. */
function measure({ run, goals, inputs, penalties }: Task, meter: Meter, index: Tensor, given: readonly Tensor[]): Tensor {
  const n = index.shape[0]!;
  const x = given.slice(0, inputs.length).map((rows) => take(rows, index));
  const predictions = listOf(run(...x));
  const parts = goals.map((goal, i) => {
    const truth = given[inputs.length + i]!.gather(index, 0);
    const weights = given[inputs.length + goals.length + i]?.gather(index, 0);
    const counted = goal.loss && costOf(goal.loss, truth, predictions[i]!, weights);
    return {
      loss: counted && (goal.weight === 1 ? counted : counted.mul(goal.weight)),
      sums: goal.metrics.map(({ metric, weighted }) => metric.sums(truth, predictions[i]!, weighted ? weights : undefined)),
    };
  });
  const losses = parts.flatMap(({ loss }) => loss ?? []);
  const total = [...losses, ...penalties()].reduce((sum, part) => sum.add(part));
  meter.trace(n, [[total.mul(n), n], ...(goals.length > 1 ? losses.map((loss) => [loss.mul(n), n]) : []), ...parts.flatMap(({ sums }) => sums)]);
  return total;
}

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
