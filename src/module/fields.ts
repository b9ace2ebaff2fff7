import { pathOf } from "./path.ts";

/** What an object holds in its fields, and in lists in its fields, under the paths PyTorch would give it. */
export function* fieldsOf(owner: object): Generator<[path: string, value: unknown]> {
  for (const [field, value] of Object.entries(owner)) {
    const path = pathOf(field);
    if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [`${path}.${i}`, item];
    else yield [path, value];
  }
}
