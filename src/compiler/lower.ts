import type { Node } from "../graph/node.ts";
import { setCopies } from "./copy.ts";
import { crop } from "./crop.ts";
import { expandComposites, expandMacros } from "./expand.ts";
import { settleFolds } from "./factor.ts";
import { sinkPermutes } from "./layout.ts";
import { joinLoops } from "./loops.ts";
import { mergeEqual } from "./merge.ts";
import { simplify } from "./simplify.ts";
import type { Target } from "./target.ts";
import { turnProducts } from "./turn.ts";
import { widen } from "./widen.ts";

/** The graph as kernels can run it. */
export function lower(roots: readonly Node[], target: Target): Node[] {
  let graph = crop(simplify(sinkPermutes(simplify(roots))));
  graph = expandMacros(graph);
  graph = settleFolds(simplify(widen(expandComposites(joinLoops(graph), target))));
  graph = turnProducts(simplify(graph));
  return mergeEqual(setCopies(mergeEqual(graph)));
}
