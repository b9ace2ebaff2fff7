import { CambiumError } from "../base/error.ts";
import { Tensor } from "../tensor/tensor.ts";

export type Forward = (...inputs: any[]) => any;

/** Is told the gradients of a module's inputs and outputs; of a single input, what it returns takes the gradient's place. */
export type FlowHook = (gradInput: (Tensor | undefined)[], gradOutput: Tensor[]) => Tensor[] | undefined | void;

const watchable = (x: unknown): x is Tensor => x instanceof Tensor && x.requiresGrad;

/** A handle of its own, so that other uses of the same tensor do not count. */
const own = (x: unknown): unknown => (watchable(x) ? x.reshape(x.shape) : x);

/** What `forward` makes of `inputs`; once all that flows back to these is known, `hook` is told. */
export function watched(inputs: readonly unknown[], forward: Forward, hook: FlowHook): unknown {
  const given = inputs.map(own);
  const result: unknown = forward(...given);
  const outputs = (Array.isArray(result) ? result : [result]).map(own);
  const gradOutput: Tensor[] = [];
  const gradInput: (Tensor | undefined)[] = given.map(() => undefined);
  const expected = given.filter(watchable).length;
  outputs.filter(watchable).forEach((y, i) => {
    y.registerHook((flow) => {
      gradOutput[i] = flow;
      // Nothing flows on to inputs that are given numbers: then this is all there is.
      if (expected === 0) hook(gradInput, gradOutput);
    });
  });
  let arrived = 0;
  given.forEach((x, i) => {
    if (!watchable(x)) return;
    x.registerHook((flow) => {
      gradInput[i] = flow;
      if (++arrived % expected !== 0) return undefined;
      const instead = hook(gradInput, gradOutput);
      if (instead && expected > 1)
        throw new CambiumError(
          "value",
          "registerFullBackwardHook",
          `the module has ${expected} inputs with gradients; only that of a single one can be replaced`,
          "use registerHook on the input",
        );
      return instead?.[0];
    });
  });
  return Array.isArray(result) ? outputs : outputs[0];
}
