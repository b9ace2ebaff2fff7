/** What Cambium computes with on this machine, and how it would be faster. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { engineNames, type Choice } from "../engines/choose.ts";
import { addonPath, prebuilt } from "../engines/native/load.ts";
import { featuresInNode } from "../engines/wasm/node.ts";
import { uniform } from "../tensor/random.ts";

export interface Finding {
  readonly name: string;
  readonly value: string;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What to do for more speed; empty where there is nothing. */
  readonly advice: readonly string[];
}

/** Instruction sets that kernels are written for, best first; only Linux says which ones the processor has. */
function instructionSets(): string {
  try {
    const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.trim().split(" "));
    const named = [
      ["avx512f", "AVX-512"],
      ["avx2", "AVX2"],
      ["fma", "FMA"],
      ["sse2", "SSE2"],
    ] as const;
    return named
      .filter(([flag]) => flags.has(flag))
      .map(([, name]) => name)
      .join(", ");
  } catch {
    return "";
  }
}

function webAssembly(): string {
  const { simd, relaxed, threads } = featuresInNode();
  const known = (what: boolean): string => (what ? "yes" : "no");
  return `vectors ${known(simd)}, fused products and sums ${known(relaxed)}, shared memory ${known(threads)}`;
}

/** Multiplications and additions a second in a product of two square matrices, in 10⁹; the best of what fits into half a second. */
function productRate(size: number): number {
  const a = uniform([size, size]);
  const b = uniform([size, size]);
  a.dataSync();
  b.dataSync();
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + 500;
  do {
    const start = performance.now();
    a.matmul(b).dataSync();
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  return (2 * size ** 3) / best / 1e6;
}

/** Looks around. `choice` is what the engine was chosen by; the product is computed with the engine in use. */
export function diagnose(version: string, { engine, passedOver }: Choice): Diagnosis {
  const processor = cpus()[0]?.model.trim() ?? "unknown";
  const sets = instructionSets();
  const addon = addonPath();
  const size = engine.name === "native" ? 512 : engine.name === "reference" ? 64 : 256;
  const findings = [
    { name: "Cambium", value: version },
    { name: "Node", value: `${process.versions.node} (V8 ${process.versions.v8}, Node-API ${process.versions.napi})` },
    { name: "platform", value: `${process.platform} ${process.arch}` },
    { name: "processor", value: `${processor}, ${availableParallelism()} logical${sets && `; ${sets}`}` },
    { name: "engine", value: engine.describe() },
    ...passedOver.map(({ name, reason }) => ({ name: "", value: `not ${name}: ${reason}` })),
    { name: "engines", value: engineNames().join(", ") },
    { name: "addon", value: addon ?? "none" },
    { name: "threads", value: `${engine.target.threads}${engine.name === "native" && process.env.CAMBIUM_THREADS ? " (CAMBIUM_THREADS)" : ""}` },
    { name: "WebAssembly", value: webAssembly() },
    { name: "product", value: `${size} × ${size} matrices: ${productRate(size).toPrecision(3)} GFLOP/s` },
  ];
  return { findings, advice: advise(engine.name, engine.target.threads) };
}

function advise(engine: string, threads: number): string[] {
  const advice: string[] = [];
  const { CAMBIUM_ENGINE: wished, CAMBIUM_ISA: isa } = process.env;
  if (engine !== "native" && wished) advice.push(`CAMBIUM_ENGINE=${wished} asks for this engine; without it the best one is taken`);
  else if (engine !== "native") {
    advice.push(`npm install ${prebuilt} brings the native engine ready made, where there is one for your platform`);
    advice.push("node node_modules/cambium/scripts/native.mjs builds it, with a C++ compiler, in about a minute");
  }
  if (engine === "native" && isa) advice.push(`CAMBIUM_ISA=${isa} fixes the instruction set; without it the best one is taken`);
  if (engine === "native" && threads === 1 && availableParallelism() > 1) advice.push("one thread computes; CAMBIUM_THREADS names another number");
  return advice;
}
