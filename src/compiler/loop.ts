/** A loop written out as one kernel that holds stages of its own. */
import type { Node } from "../graph/node.ts";
import { loopAttrs } from "../graph/region.ts";
import { inOrder } from "../graph/walk.ts";
import { cluster } from "./cluster.ts";
import { Emitter, type EmitLoop } from "./emit.ts";
import { lower } from "./lower.ts";
import type { Bond, Carry } from "./program.ts";
import { stagesOf, withWholeSums } from "./stages.ts";
import type { Target } from "./target.ts";

/** How loops are written for a target. */
export const loopEmitter =
  (target: Target): EmitLoop =>
  (node, outside) =>
    emitLoop(node, outside, target);

function emitLoop(node: Node, outside: Emitter, target: Target): void {
  const { steps, reverse, carries, xs, body, going } = loopAttrs(node);
  const graph = lower(body.results, target);
  const emitter = new Emitter(cluster(graph), graph, loopEmitter(target), outside.values);
  const read = new Set(inOrder(graph));
  const asked = new Map(outside.partsOf(node).map((part) => [part.attrs.index as number, outside.valueOf(part)]));

  const same: Bond[] = [];
  const reads: Bond[] = [];
  const ports = body.inputs.map((stand, i) => {
    if (i >= carries && !read.has(stand)) return -1;
    const inner = emitter.bind(stand, stand);
    if (i >= carries) (i < carries + xs ? reads : same).push({ inner, outer: outside.plain(node.inputs[i]!) });
    return inner;
  });
  // What a step leaves behind, it makes straight where the next one finds it.
  const ends = graph.map((result) => emitter.bind(result, result));
  emitter.emit();
  const made = graph.slice(0, carries).map((result, i): Carry => {
    const last = asked.get(i) ?? outside.place(result);
    const other = steps > 1 ? outside.place(result) : last;
    // Step 0 is even, so the last of an odd number of steps is.
    const [even, odd] = steps % 2 === 1 ? [last, other] : [other, last];
    return { before: ports[i]!, after: ends[i]!, start: outside.plain(node.inputs[i]!), even, odd };
  });
  const writes = ends.flatMap((inner, i): Bond[] => (i >= carries ? [{ inner, outer: asked.get(i) ?? outside.place(graph[i]!, steps) }] : []));
  const stages = stagesOf(withWholeSums(emitter.kernels, emitter.values, ends), emitter.values, [], target.threads);
  // Stacks have a piece of every step.
  const stops = going !== undefined && writes.length === 0 ? going : -1;
  outside.kernels.push({ kind: "loop", steps, reverse, same, reads, writes, carries: made, going: stops, stages });
}
