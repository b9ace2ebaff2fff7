import type { TypedArray } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";

/**
 * Checks numbers on the host that are to name classes; `ignore` may stand where no class is meant.
 * @throws a `data` error for the first one that is NaN, no whole number, or outside the classes, with its place
 */
export function checkLabels(labels: TypedArray, classes: number, where: string, ignore?: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label >= 0 && label < classes && (label | 0) === label) continue;
    if (label === ignore) continue;
    if (Number.isNaN(label)) throw new CambiumError("data", where, `the label at position ${i} is NaN`, "look for missing values where the labels are read");
    if (!Number.isInteger(label))
      throw new CambiumError(
        "data",
        where,
        `the label at position ${i} is ${label}; a class is named by a whole number from 0 to ${classes - 1}`,
        "for numbers to be predicted use meanSquaredError",
      );
    throw new CambiumError(
      "data",
      where,
      `the label at position ${i} is ${label}, outside the ${classes} classes, which are numbered 0 to ${classes - 1}`,
      label === classes ? "if the labels count from 1, subtract 1; else the last layer is too narrow" : undefined,
    );
  }
}

/** Checks numbers on the host that are to be predicted. @throws a `data` error for the first NaN, with its place */
export function checkNumbers(numbers: TypedArray, where: string): void {
  if (numbers instanceof Float32Array || numbers instanceof Float64Array)
    for (let i = 0; i < numbers.length; i++)
      if (Number.isNaN(numbers[i]))
        throw new CambiumError("data", where, `the number at position ${i} is NaN`, "look for missing values where the data is read");
}
