/** The middle of the numbers in order. */
export function median(numbers: readonly number[]): number {
  const ordered = numbers.toSorted((a, b) => a - b);
  const half = ordered.length >> 1;
  return ordered.length % 2 === 1 ? ordered[half]! : (ordered[half - 1]! + ordered[half]!) / 2;
}

/** Three digits that count. */
export const short = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
