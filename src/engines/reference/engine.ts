import { allocateStorage, load, type Storage, store } from "../../base/dtype.ts";
import { CambiumError } from "../../base/error.ts";
import type { Program, Value } from "../../compiler/program.ts";
import { hostMemory, type Memory } from "../../graph/node.ts";
import type { Engine } from "../engine.ts";
import { round, run, runLoop } from "./interpret.ts";

/** The arbiter of truth: every op by its own plain loops, one after another, in double precision. Slow on purpose. */
export function referenceEngine(): Engine {
  return {
    name: "reference",
    target: { plain: true, threads: 1, cache: 2 ** 20 },
    immediate: true,
    prepare: (program) => ({ run: (inputs, outputs, scalars) => runProgram(program, inputs, outputs, scalars) }),
    allocate: (dtype, length) => hostMemory(dtype, allocateStorage(dtype, length)),
    read: (memory) => Promise.resolve(load(memory.dtype, hostOf(memory))),
    describe: () => "reference: plain loops in double precision, one thread",
  };
}

function runProgram(program: Program, inputs: readonly Memory[], outputs: readonly Memory[], scalars: Float64Array): void {
  // An output may share its memory with an input, so all is read before anything is written.
  const numbers = program.values.map(({ home, dtype }): Float64Array | undefined => {
    if (home.at === "input") return numbersOf(inputs[home.slot]!);
    if (home.at === "scalar") return round(Float64Array.of(scalars[home.slot]!), dtype);
    return undefined;
  });
  for (const stage of program.stages)
    for (const kernel of stage.kernels) {
      if (kernel.kind !== "op")
        throw new CambiumError("engine", "reference", `cannot run a ${kernel.kind} kernel; it runs programs compiled for a plain target`);
      const inputs = kernel.inputs.map((value) => numbers[value]!);
      if (kernel.parts) {
        const results = runLoop(kernel.node, inputs, true);
        for (const [index, value] of kernel.parts) numbers[value] = results[index]!;
      } else numbers[kernel.out] = run(kernel.node, inputs, true);
    }
  program.values.forEach(({ home, dtype }: Value, i) => {
    if (home.at === "output" && numbers[i]) store(dtype, hostOf(outputs[home.slot]!), numbers[i]);
  });
}

/** The numbers in memory, in an array of their own. */
const numbersOf = (memory: Memory): Float64Array => Float64Array.from(load(memory.dtype, hostOf(memory)));

function hostOf(memory: Memory): Storage {
  if (!memory.host)
    throw new CambiumError("engine", "reference", "these numbers lie in another engine's memory", "read them there and make a new tensor of them");
  return memory.host;
}
