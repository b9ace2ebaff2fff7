import { CambiumError } from "../base/error.ts";
import { concat } from "../tensor/create.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";

/** All parameters in one row. @source PyTorch `nn.utils.parameters_to_vector` */
export const parametersToVector = (parameters: Iterable<Tensor>): Tensor => concat([...parameters].map((p) => p.reshape([-1])));

/**
 * Sets parameters to what `vector` holds, one after the other.
 * @throws a `shape` error when their sizes do not add up to the vector's; then nothing has changed
 * @source PyTorch `nn.utils.vector_to_parameters`
 */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const list = [...parameters];
  const total = list.reduce((n, p) => n + p.size, 0);
  if (vector.rank !== 1 || vector.size !== total)
    throw new CambiumError("shape", "vectorToParameters", `the parameters hold ${total} numbers, the vector is [${vector.shape.join(", ")}]`);
  const parts = vector.detach().split(list.map((p) => p.size));
  assignAll(list.map((p, i) => [p, parts[i]!.reshape(p.shape)] as const));
}
