import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { placeholder } from "../graph/node.ts";
import type { LossFunction } from "../losses/function.ts";
import { checkLabels, checkNumbers } from "../losses/labels.ts";
import { Tensor } from "../tensor/tensor.ts";
import { traced } from "../tensor/trace.ts";
import { type Data, expectEqualLengths, expectNumbers, largestByte, type Samples, toInputs, toRows, weightsOf } from "./feed.ts";
import type { BatchOptions } from "./options.ts";
import { inMode } from "./programs.ts";
import { listOf, partsOf, type Several } from "./structure.ts";
import type { Task } from "./task.ts";

/** One input of a model. */
export interface Entrance {
  readonly name: string;
  /** Sizes of one sample, where they are known. */
  readonly shape: Shape | undefined;
}

/** A model's inputs: a record by name, or a list, or the one it has, as one tensor each. */
export function toEntrances(where: string, x: Several<Data>, entrances: readonly Entrance[]): Tensor[] {
  const names = entrances.map(({ name }) => name);
  const given = partsOf<Data>(where, "x", x, names);
  const inputs = given.map((data, i) => toInputs(where, names.length > 1 ? names[i]! : "x", data, entrances[i]!.shape));
  for (let i = 1; i < inputs.length; i++) expectEqualLengths(where, { name: names[0]!, of: inputs[0]! }, { name: names[i]!, of: inputs[i]! });
  return inputs;
}

/** Makes data ready for training, and says what is wrong with it before anything is computed. */
export class Intake {
  readonly #task: Task;
  readonly #read: (where: string, x: Several<Data>) => Tensor[];
  readonly #takesIndices: () => boolean;
  #hinted = false;
  /** The kinds of batch that loss and model were tried on, with the shapes of the results. */
  readonly #tried: Map<string, readonly Shape[]> = new Map();

  constructor(task: Task, read: (where: string, x: Several<Data>) => Tensor[], takesIndices: () => boolean) {
    this.#task = task;
    this.#read = read;
    this.#takesIndices = takesIndices;
  }

  /** Data made ready and looked through; single batches without a look at every input, which would cost as much as the step. */
  async samples(where: string, x: Several<Data>, y: Several<Data>, { sampleWeight, classWeight }: BatchOptions, thorough = true): Promise<Samples> {
    if (y === undefined || y === null) throw new CambiumError("data", where, "y, the labels, is missing", `model.${where.split(" ")[0]}(x, y)`);
    const { goals, inputs: names } = this.#task;
    const several = goals.length > 1;
    const inputs = this.#read(where, x);
    const results = goals.map(({ name }) => name);
    const labels = partsOf<Data>(where, "y", y, results).map((data, i) => toRows(where, several ? `y of ${results[i]}` : "y", data));
    labels.forEach((of, i) => expectEqualLengths(where, { name: "x", of: inputs[0]! }, { name: several ? `y of ${results[i]}` : "y", of }));
    if (thorough) for (const [i, input] of inputs.entries()) await expectNumbers(where, names.length > 1 ? names[i]! : "x", input);
    const outputs = this.#try(where, inputs, labels);
    for (const [i, { loss }] of goals.entries()) {
      if (!loss) continue;
      const data = await labels[i]!.data();
      if ((loss as Partial<LossFunction>).labels === "classes") checkLabels(data, outputs[i]!.at(-1)!, where);
      else checkNumbers(data, where);
    }
    return { x: inputs, y: labels, weight: await this.weights(where, labels, sampleWeight, classWeight), from: 0, count: inputs[0]!.shape[0]! };
  }

  /** How much each sample counts for each result; undefined: all the same. */
  async weights(
    where: string,
    labels: readonly Tensor[],
    sampleWeight: BatchOptions["sampleWeight"],
    classWeight: BatchOptions["classWeight"],
  ): Promise<Tensor[] | undefined> {
    if (sampleWeight === undefined && classWeight === undefined) return undefined;
    const names = this.#task.goals.map(({ name }) => name);
    if (names.length > 1 && classWeight !== undefined)
      throw new CambiumError(
        "value",
        where,
        `classWeight is for a model with one result; this one has ${names.join(", ")}`,
        "give a sampleWeight for each result",
      );
    const several = names.length > 1 && typeof sampleWeight === "object" && !(sampleWeight instanceof Tensor) && !ArrayBuffer.isView(sampleWeight);
    const flat = Array.isArray(sampleWeight) && sampleWeight.every((w) => typeof w === "number");
    const given: (Data | undefined)[] =
      several && !flat ? partsOf(where, "sampleWeight", sampleWeight, names) : names.map(() => sampleWeight as Data | undefined);
    return Promise.all(labels.map(async (y, i) => (await weightsOf(where, y, given[i], classWeight))!));
  }

  /** Tries model and losses on stand-ins for the samples, so that what does not fit is said here, and returns the shapes of the results. */
  #try(where: string, x: readonly Tensor[], y: readonly Tensor[]): readonly Shape[] {
    const kind = [...x, ...y].map((t) => `${t.dtype} ${show(t.shape.slice(1))}`).join();
    const known = this.#tried.get(kind);
    if (known) return known;
    const { goals, module, run } = this.#task;
    // At least two, so that a batch axis lost on the way shows; a stand-in costs nothing, however many there are.
    const rows = Math.max(2, x[0]!.shape[0]!);
    const sample = x.map((t) => new Tensor(placeholder([rows, ...t.shape.slice(1)], t.dtype === "int32" ? "int32" : "float32")));
    const predictions = listOf(traced(() => inMode(module, false, () => run(...sample))).result);
    for (const prediction of predictions)
      if (prediction.shape[0] !== rows)
        throw new CambiumError(
          "shape",
          where,
          `the model makes ${show(prediction.shape)} of a batch of ${show(sample[0]!.shape)}; the first axis, the samples, must stay`,
        );
    goals.forEach(({ loss }, i) => loss?.(new Tensor(placeholder([rows, ...y[i]!.shape.slice(1)], y[i]!.dtype)), predictions[i]!));
    const shapes = predictions.map(({ shape }) => shape);
    this.#tried.set(kind, shapes);
    return shapes;
  }

  /** Says once that bytes were given where small numbers work better. */
  async hintAtScale({ x }: Samples): Promise<void> {
    if (this.#hinted || this.#takesIndices()) return;
    for (const rows of x) {
      if (rows.rank < 2 || rows.size / rows.shape[0]! < 16) continue;
      this.#hinted = true;
      const largest = await largestByte(rows);
      if (largest === undefined || largest < 64) continue;
      console.warn(`fit: x holds bytes, 0 to ${largest}; networks learn faster from small numbers\n  hint: divide them by 255: x.div(255)`);
      return;
    }
  }
}
