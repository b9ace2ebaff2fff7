import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { suggest } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Module } from "./module.ts";

/** The parameters of a module by path: what a function of the parameters takes, and `functionalCall` gives back to the module. */
export const parametersOf = (module: Module): Record<string, Tensor> => Object.fromEntries(module.namedParameters());

/**
 * What `module` makes of `inputs` with the parameters and buffers `state` names in place of its own; it is left as it was.
 * So a module becomes a function of its parameters, for `grad`, `vmap`, `hessian`.
 * @throws a `name` error when the module has no such parameter or buffer, a `shape` error when one does not fit
 * @source PyTorch `torch.func.functional_call`
 * @example
 * ```ts
 * const loss = (parameters: Record<string, Tensor>, x: Tensor, y: Tensor) => criterion.forward(functionalCall(model, parameters, x), y);
 * const perExample = vmap(grad(loss), { inAxes: [null, 0, 0] })(parametersOf(model), x, y);
 * ```
 */
export function functionalCall<M extends Module>(
  module: M,
  state: Readonly<Record<string, Tensor>>,
  ...inputs: Parameters<M["forward"]>
): ReturnType<M["forward"]> {
  const own = new Map<string, Tensor>([...module.namedParameters(), ...module.namedBuffers()]);
  const swapped = Object.entries(state).map(([path, tensor]) => {
    const place = own.get(path);
    if (!place)
      throw new CambiumError("name", "functionalCall", `${module.constructor.name} has no parameter or buffer "${path}"`, suggest(path, [...own.keys()]));
    if (!same(place.shape, tensor.shape))
      throw new CambiumError("shape", "functionalCall", `"${path}" is ${show(place.shape)}, ${show(tensor.shape)} is given; shapes must be equal`);
    return { place, leaf: place.leaf, tensor };
  });
  try {
    for (const { place, tensor } of swapped) place.leaf = tensor.node;
    return module.forward(...inputs);
  } finally {
    for (const { place, leaf } of swapped) place.leaf = leaf;
  }
}
