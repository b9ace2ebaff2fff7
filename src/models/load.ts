import { CambiumError } from "../base/error.ts";
import { type CompileOptions, resolve, revive } from "../train/compile.ts";
import { read, type Saved, statesOf, whereIs } from "./save.ts";
import { type Functional, revivePart } from "./functional.ts";
import type { Sequential } from "./sequential.ts";

export interface LoadOptions {
  /** How the model learns, in place of what was saved: needed for losses and metrics of your own. */
  compile?: CompileOptions;
}

/**
 * A saved model, with its weights. If it was compiled it still is, with the optimizer's state: `fit` with `initialEpoch` goes on
 * as if it had not been stopped, to the bit.
 * @throws a `file` error when what is there is missing, damaged or foreign
 * @example
 * ```ts
 * const model = await loadModel("checkpoint");
 * await model.fit(x, y, { epochs: 20, initialEpoch: 10 });
 * const kept = await loadModel("indexeddb://digits"); // in a browser; so do "opfs://digits", an address on the web, a file the user chose
 * ```
 */
export async function loadModel(from: Saved, { compile }: LoadOptions = {}): Promise<Sequential | Functional> {
  const where = whereIs(from);
  const stored = await read(from);
  const { description } = stored;
  if (description.className !== "Sequential" && description.className !== "Functional")
    throw new CambiumError(
      "file",
      where,
      `holds a ${description.className}; only Sequential and Functional models can be loaded`,
      "make the model and give it the weights: model.loadStateDict()",
    );
  const state = statesOf(stored);
  const { training } = description;
  return damagedIfFails(where, () => {
    const model = revivePart(where, { className: description.className, config: description.config as Record<string, unknown> }) as Sequential | Functional;
    model.loadStateDict(state.model);
    const learnt = compile ? resolve(compile) : training && revive(training);
    if (learnt) model.compileAs(learnt);
    if (learnt && training) model.resumeFrom(training, state.optimizer);
    return model;
  });
}

/** What goes wrong with the contents of a file is the file's fault. */
function damagedIfFails<T>(where: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof Error) || (error instanceof CambiumError && error.code === "file")) throw error;
    const [first, ...rest] = error.message.split("\n  hint: ");
    throw new CambiumError("file", where, `describes no model that can be made: ${first}`, rest.join(" ") || undefined);
  }
}
