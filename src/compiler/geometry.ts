import type { Shape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import type { Geometry } from "./program.ts";

/** How a convolution or a window moves over its input. */
export function geometryOf(node: Node, input: Shape, output: Shape, window: Shape): Geometry {
  const { attrs } = node;
  const spatial = window.length;
  const ones = new Array<number>(spatial).fill(1);
  return {
    samples: output[0]!,
    input: input.slice(1, 1 + spatial),
    output: output.slice(1, 1 + spatial),
    window,
    stride: (attrs.stride as number[] | undefined) ?? ones,
    dilation: (attrs.dilation as number[] | undefined) ?? ones,
    inputDilation: (attrs.inputDilation as number[] | undefined) ?? ones,
    padding: ((attrs.padding as [number, number][] | undefined) ?? ones.map(() => [0, 0] as [number, number])).map(([low]) => low),
  };
}
