import { datasets, type Tensor } from "cambium";

/** Whether only a taste of the work is asked for: `--short` takes few, drawn digits and few epochs. */
export const short: boolean = process.argv.includes("--short");

export type Split = [train: [x: Tensor, y: Tensor], test: [x: Tensor, y: Tensor]];

/** MNIST where it can be had, else digits drawn by cambium itself: x [n, 28, 28] of bytes, y [n]. */
export async function loadDigits(): Promise<Split> {
  if (short) return datasets.digits({ train: 160, test: 64 });
  try {
    return await datasets.mnist();
  } catch (error) {
    console.error(`MNIST is not here, so synthetic digits are used (${(error as Error).message.split("\n")[0]})`);
    return datasets.digits();
  }
}
