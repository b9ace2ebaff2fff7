import { CambiumError } from "../base/error.ts";
import { type Hooks, Callbacks, type Rest, type Trainee } from "./callback.ts";
import type { Samples } from "./feed.ts";
import { History, type Logs } from "./history.ts";
import { type FitOptions, whole } from "./options.ts";
import { currentPlace } from "./place.ts";
import type { Programs } from "./programs.ts";
import { Progress, type Stand } from "./progress.ts";
import type { Source } from "./source.ts";
import { Pace } from "./turn.ts";

/** A training run, its data made ready. */
export interface Run {
  readonly programs: Programs;
  readonly trainee: Trainee;
  readonly learn: Source;
  readonly examine: Source | undefined;
  readonly options: FitOptions;
  /** How many epochs the model was trained before: each has a shuffle of its own. */
  readonly epochsBefore: number;
  /** Told after each whole epoch. */
  epochDone(): void;
}

/** Trains until the last epoch, or until somebody stops it. */
export async function train(run: Run): Promise<History> {
  const { trainee, learn, options, programs } = run;
  const { epochs = 1, initialEpoch = 0, stepsPerEpoch = Infinity, signal } = options;
  signal?.throwIfAborted();
  const verbose = options.verbose === "auto" || options.verbose === undefined ? 1 : options.verbose;
  whole("fit", "epochs", epochs, 0);
  whole("fit", "initialEpoch", initialEpoch, 0);
  // How many steps an epoch of a stream takes is known after the first.
  let steps = learn.steps === undefined ? undefined : Math.min(learn.steps, stepsPerEpoch);
  const history = new History();
  const given: readonly Hooks[] = options.callbacks === undefined ? [] : Array.isArray(options.callbacks) ? options.callbacks : [options.callbacks as Hooks];
  const callbacks = new Callbacks([...given, history], trainee, { epochs, steps, samples: learn.count, verbose });
  const place = currentPlace();
  const progress = verbose === 0 ? undefined : new Progress(place.terminal, epochs, verbose);
  let rest: (() => Rest) | undefined;
  const pace = new Pace(() => rest && callbacks.rest(rest()));
  let interrupted = false;
  const broken = (): boolean => interrupted || signal?.aborted === true;
  const deafen = place.onInterrupt(() => {
    interrupted = true;
    progress?.say("Interrupted: training ends after this step. Ctrl-C again ends the program.");
  });
  trainee.stopTraining = false;
  let logs: Logs = {};
  try {
    await callbacks.trainBegin();
    // A callback may have taken up a run that was broken off.
    const done = trainee.epochsTrained - run.epochsBefore;
    for (let epoch = initialEpoch + done; epoch < epochs && !trainee.stopTraining && !broken(); epoch++) {
      await callbacks.epochBegin(epoch);
      const next = learn.open(run.epochsBefore + epoch - initialEpoch);
      const begin = performance.now();
      let done = 0;
      let samples = 0;
      const stand = (logs: Logs): Stand => {
        const seconds = (performance.now() - begin) / 1000;
        return { done, steps, seconds, speed: samples / Math.max(seconds, 1e-9), logs };
      };
      let examining = false;
      rest = () => {
        const { seconds, speed } = stand({});
        return { epoch, done, steps, seconds, speed, examining, logs: () => programs.trained() };
      };
      programs.beginTraining();
      progress?.epochBegin(epoch);
      while (done < (steps ?? stepsPerEpoch) && !trainee.stopTraining && !broken()) {
        const coming = next();
        const batch = coming instanceof Promise ? await coming : coming;
        if (!batch) break;
        if (callbacks.batches) await callbacks.batchBegin(done);
        programs.train(batch.samples, batch.places);
        samples += batch.places.length;
        done++;
        if (callbacks.batches) await callbacks.batchEnd(done - 1, await programs.trained());
        if (pace.due) {
          if (progress?.due) progress.step(stand(await programs.trained()));
          await pace.rest();
        }
      }
      // An epoch that was broken off leaves no numbers: they would not be comparable.
      if (broken()) break;
      if (!trainee.stopTraining) steps = done;
      logs = await programs.trained();
      const { speed } = stand(logs);
      if (run.examine && isDue(options.validationFreq, epoch)) {
        examining = true;
        await callbacks.testBegin();
        const found = await test(programs, run.examine, { steps: options.validationSteps, pace, broken });
        await callbacks.testEnd(found);
        if (broken()) break;
        for (const [name, value] of Object.entries(found)) logs[`val_${name}`] = value;
      }
      run.epochDone();
      const { seconds } = stand(logs);
      await callbacks.epochEnd(epoch, logs);
      progress?.epochEnd({ done, steps, seconds, speed, logs });
    }
    programs.endTraining();
    await callbacks.trainEnd(logs);
  } finally {
    deafen();
  }
  signal?.throwIfAborted();
  return history;
}

function isDue(frequency: number | readonly number[] = 1, epoch: number): boolean {
  if (typeof frequency !== "number") return frequency.includes(epoch + 1);
  return (epoch + 1) % whole("fit", "validationFreq", frequency) === 0;
}

/** The means of loss and metrics over what `source` has, over `steps` batches of it, or until somebody broke off. */
export async function test(
  programs: Programs,
  source: Source,
  { steps = Number.POSITIVE_INFINITY, pace = new Pace(), broken = () => false }: { steps?: number; pace?: Pace; broken?: () => boolean } = {},
): Promise<Logs> {
  const next = source.open(0);
  programs.beginTesting();
  for (let done = 0; done < Math.min(steps, source.steps ?? steps) && !broken(); done++) {
    const coming = next();
    const batch = coming instanceof Promise ? await coming : coming;
    if (!batch) break;
    programs.test(batch.samples, batch.places);
    if (pace.due) await pace.rest();
  }
  return programs.tested();
}

/** The first part of the data to learn from, the last to be examined on. */
export function split(where: string, samples: Samples, share: number): [learn: Samples, examine: Samples] {
  if (!(share > 0 && share < 1))
    throw new CambiumError(
      "value",
      where,
      `validationSplit is ${share}; it is a share between 0 and 1`,
      share > 1 && share < 100 ? `did you mean ${share / 100}?` : undefined,
    );
  const at = Math.floor(samples.count * (1 - share));
  if (at === 0 || at === samples.count)
    throw new CambiumError(
      "data",
      where,
      `${samples.count} samples cannot be split with validationSplit ${share}: one of the parts would be empty`,
      "give more data, or validationData",
    );
  return [
    { ...samples, count: at },
    { ...samples, from: samples.from + at, count: samples.count - at },
  ];
}
