import { bytesOf } from "../base/dtype.ts";
import type { Body, Kernel, Program, Stage, View } from "./program.ts";
import { costOf } from "./schedule.ts";

/** A program as people read it: its stages and kernels, where values live, and how much memory it takes. */
export function printProgram(program: Program): string {
  const place = (v: number): string => {
    const { home, dtype, length } = program.values[v]!;
    const where =
      home.at === "input" || home.at === "output" || home.at === "scalar"
        ? `${home.at}${home.slot}`
        : home.at === "bound"
          ? home.at
          : `${home.at}+${home.offset}`;
    return `%${v}:${dtype}[${length}]@${where}`;
  };
  const view = (v: View): string => `${place(v.value)}${v.offset ? `+${v.offset}` : ""}(${v.strides.join()})`;
  const body = (b: Body): string => {
    const base = b.given + b.loads.length;
    const lines = [
      ...b.loads.map((l, i) => `r${b.given + i} = ${view(l)}`),
      ...b.code.map((c, i) => `r${base + i} = ${c.op} ${c.args.map((a) => `r${a}`).join(" ")}${c.attrs ? ` ${JSON.stringify(c.attrs)}` : ""}`),
      ...b.stores.map((s) => `${s.value < 0 ? "fold" : view(s)} <- r${s.register}`),
    ];
    return `${b.type === "float64" ? " wide" : ""}\n${lines.map((line) => `      ${line}`).join("\n")}`;
  };
  const kernel = (k: Kernel, owner = -1): string => {
    const head = `    ${k.kind} ~${Math.round(costOf(k))}ns${owner < 0 ? "" : ` by thread ${owner}`}`;
    switch (k.kind) {
      case "map":
        return `${head} [${k.dims.join()}]${body(k.body)}`;
      case "reduce":
        return `${head} ${k.op} outer [${k.outer.join()}] fold [${k.fold.join()}] inner ${k.inner}${body(k.body)}\n     then${body(k.finish)}`;
      case "matmul":
        return `${head} batch [${k.batch.join()}] ${k.m}x${k.k} x ${k.k}x${k.n} split ${k.split} a ${view(k.a)} b ${view(k.b)}${body(k.finish)}`;
      case "conv":
        return `${head} ${JSON.stringify(k.geometry)} ${k.channels}->${k.filters} groups ${k.groups} x ${place(k.x)} w ${place(k.w)}${body(k.finish)}`;
      case "convKernel":
        return `${head} ${JSON.stringify(k.geometry)} ${k.channels}->${k.filters} x ${place(k.x)} dy ${place(k.dy)} out ${place(k.out)}`;
      case "pool":
        return `${head} ${k.mode} ${JSON.stringify(k.geometry)} channels ${k.channels} x ${place(k.x)}${body(k.finish)}`;
      case "unpool":
        return `${head} ${JSON.stringify(k.geometry)} channels ${k.channels} dy ${place(k.dy)}${k.index === undefined ? "" : ` index ${place(k.index)}`} out ${place(k.out)}`;
      case "poolTake":
      case "gather":
      case "scatterAdd":
        return `${head} x ${place(k.x)} index ${place(k.index)} out ${place(k.out)}`;
      case "attention":
        return [
          `${head} ${k.flow ? "back " : ""}lead [${k.lead.join()}] heads ${k.heads} over ${k.shared}, ${k.queries} queries, ${k.keys} keys, ${k.features} -> ${k.depth}${k.causal ? " causal" : ""}`,
          ...(["query", "key", "value", "flow", "mask"] as const).flatMap((name) => (k[name] ? [`      ${name} ${view(k[name])}`] : [])),
          ...k.results.map((r) => `      to ${view(r)}`),
        ].join("\n");
      case "pad":
        return `${head} [${k.dims.join()}] +[${k.low.join()}] +[${k.high.join()}] x ${place(k.x)} out ${place(k.out)}`;
      case "factorization":
        return `${head} ${k.task} ${k.batch} of [${k.rows}, ${k.columns}] x ${place(k.x)}${k.right === undefined ? "" : ` right ${place(k.right)}`} out ${place(k.out)}`;
      case "lines":
        return `${head} ${k.task} [${k.outer}, ${k.size}, ${k.inner}] x ${place(k.x)}${k.second === undefined ? "" : ` second ${place(k.second)}`} out ${place(k.out)}`;
      case "loop":
        return [
          `${head} ${k.steps} steps${k.reverse ? " reverse" : ""}${k.going < 0 ? "" : ` while ${place(k.carries[k.going]!.before)}`}`,
          ...k.same.map(({ inner, outer }) => `      ${place(inner)} is ${place(outer)}`),
          ...k.reads.map(({ inner, outer }) => `      ${place(inner)} is a piece of ${place(outer)}`),
          ...k.writes.map(({ inner, outer }) => `      ${place(inner)} becomes a piece of ${place(outer)}`),
          ...k.carries.map((c) => `      ${place(c.before)} starts as ${place(c.start)}; ${place(c.after)} is ${place(c.even)}, at odd steps ${place(c.odd)}`),
          stageLines(k.stages).replaceAll(/^/gm, "    "),
        ].join("\n");
      case "op":
        return `${head} ${k.node.op!.name} ${k.inputs.map(place).join(" ")} -> ${place(k.out)}`;
    }
  };
  const stageLines = (stages: readonly Stage[]): string =>
    stages
      .map(
        (s, i) =>
          `  stage ${i}${s.samples ? ` samples ${s.samples} chunk ${s.chunk}` : ""}${s.serial ? " serial" : ""}\n${s.kernels.map((k, j) => kernel(k, s.owners?.[j])).join("\n")}`,
      )
      .join("\n");
  const held = [...program.inputs, ...program.outputs].reduce((n, { dtype, length }) => n + length * bytesOf(dtype), 0);
  return `program: ${program.inputs.length} inputs, ${program.outputs.length} outputs, ${program.scalars} scalars; ${held} bytes given, arena ${program.arena}, local ${program.local}, partial ${program.partial}\n${stageLines(program.stages)}`;
}
