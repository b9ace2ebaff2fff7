/** A program as one WebAssembly module: a function for each kernel, and those of `passage.ts` that call them in order. */
import type { Kernel, Program, Stage } from "../../compiler/program.ts";
import { type MemoryLimits, ModuleBuilder } from "./assembler.ts";
import { Context, type Emitted, type Plain } from "./context.ts";
import { emitConv, emitConvKernel, emitMatmul } from "./contraction.ts";
import { emitMap } from "./map.ts";
import { emitPassage, type Share, type WrittenStage } from "./passage.ts";
import { emitPlain } from "./plain.ts";
import { emitPool, emitUnpool } from "./pool.ts";
import { emitReduce } from "./reduce.ts";

export interface Written {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Kernels that JavaScript does: the module imports them from `plain`, by number. */
  readonly plain: readonly Plain[];
  /** Work that threads share: each finds its part of it on its desk. */
  readonly shares: readonly Share[];
  /** Where on a desk that is, and bytes from one desk to the next. */
  readonly ranges: number;
  readonly desk: number;
  /** Bytes of scratch memory a thread needs, and from one thread's sums to the next one's. */
  readonly scratch: number;
  readonly partial: number;
}

export function write(program: Program, threads: number, limits: MemoryLimits, relaxed: boolean): Written {
  const context = new Context(new ModuleBuilder(limits, relaxed), program, threads);
  const shares = emitPassage(
    context,
    program.stages.map((stage) => writeStage(stage, context)),
  );
  return {
    bytes: context.module.bytes(),
    plain: context.plain,
    shares,
    ranges: context.rangesAt,
    desk: context.deskBytes,
    scratch: context.scratch,
    partial: context.partialBytes,
  };
}

function writeStage(stage: Stage, context: Context): WrittenStage {
  const [first] = stage.kernels;
  if (first?.kind === "loop") return { stage, kernels: [], inner: first.stages.map((inner) => writeStage(inner, context)) };
  context.enter(stage);
  return { stage, kernels: stage.kernels.map((k) => writeKernel(k, context)), inner: [] };
}

function writeKernel(k: Kernel, context: Context): Emitted {
  switch (k.kind) {
    case "map":
      return emitMap(k, context);
    case "reduce":
      return emitReduce(k, context);
    case "matmul":
      return emitMatmul(k, context) ?? emitPlain(k, context);
    case "conv":
      return emitConv(k, context) ?? emitPlain(k, context);
    case "convKernel":
      return emitConvKernel(k, context) ?? emitPlain(k, context);
    case "pool":
      return emitPool(k, context) ?? emitPlain(k, context);
    case "unpool":
    case "poolTake":
      return emitUnpool(k, context) ?? emitPlain(k, context);
    case "attention":
    case "loop":
    case "op":
      throw new Error(`a ${k.kind} kernel stands where none can`);
    default:
      return emitPlain(k, context);
  }
}
