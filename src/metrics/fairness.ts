import { CambiumError } from "../base/error.ts";
import { asTensor, type TensorLike } from "../tensor/create.ts";

/** How one group of samples is treated. */
export interface GroupReport {
  readonly count: number;
  readonly accuracy: number;
  /** The share that is predicted to be 1. */
  readonly selectionRate: number;
  /** Of those that are 1, the share predicted to be 1; NaN where there are none. */
  readonly truePositiveRate: number;
  /** Of those that are 0, the share predicted to be 1; NaN where there are none. */
  readonly falsePositiveRate: number;
}

export interface FairnessReport {
  readonly groups: Readonly<Record<string, GroupReport>>;
  readonly overall: GroupReport;
  /** The largest difference between the selection rates of two groups; 0: who belongs to which makes none. */
  readonly demographicParityDifference: number;
  /** The smallest selection rate over the largest. */
  readonly demographicParityRatio: number;
  /** The larger of the largest differences between true positive rates and between false positive rates. */
  readonly equalizedOddsDifference: number;
  /** The smaller of the smallest ratios between true positive rates and between false positive rates. */
  readonly equalizedOddsRatio: number;
}

export interface FairnessOptions {
  /** Above which a prediction counts as 1. Default 0.5. */
  threshold?: number;
  /** How much each sample counts. */
  sampleWeight?: TensorLike;
}

/**
 * How a yes-or-no prediction treats groups of samples.
 * @shape yTrue and yPred [samples], of bits and of bits or chances; `groups`: the name of the group of each sample
 * @throws a `data` error for unequal lengths or labels other than 0 and 1
 * @source Fairlearn `MetricFrame`, `demographic_parity_difference`, `equalized_odds_difference`; Hardt et al., "Equality of opportunity in supervised learning" (2016)
 * @example
 * ```ts
 * const { groups, demographicParityDifference } = await metrics.fairness(y, await model.predict(x), people.map((p) => p.sex));
 * ```
 */
export async function fairness(
  yTrue: TensorLike,
  yPred: TensorLike,
  groups: readonly (string | number)[] | TensorLike,
  { threshold = 0.5, sampleWeight }: FairnessOptions = {},
): Promise<FairnessReport> {
  const [truth, prediction] = [await asTensor(yTrue).data(), await asTensor(yPred).data()];
  const weights = sampleWeight === undefined ? undefined : await asTensor(sampleWeight).data();
  const names = Array.isArray(groups) ? (groups as readonly (string | number)[]).map(String) : [...(await asTensor(groups as TensorLike).data())].map(String);
  const n = truth.length;
  if (prediction.length !== n || names.length !== n || (weights && weights.length !== n))
    throw new CambiumError(
      "data",
      "fairness",
      `there are ${n} labels, ${prediction.length} predictions and ${names.length} groups${weights ? `, ${weights.length} weights` : ""}; they must be as many`,
    );
  if (n === 0) throw new CambiumError("data", "fairness", "there are no samples");
  const wrong = truth.findIndex((y) => y !== 0 && y !== 1);
  if (wrong >= 0) throw new CambiumError("data", "fairness", `the label at position ${wrong} is ${truth[wrong]}; labels are 0 and 1`);
  const report = (places: readonly number[]): GroupReport => {
    const sum = (of: (i: number) => boolean): number => places.reduce((total, i) => total + (of(i) ? Number(weights?.[i] ?? 1) : 0), 0);
    const found = (i: number): boolean => prediction[i]! > threshold;
    const all = sum(() => true);
    return {
      count: places.length,
      accuracy: sum((i) => found(i) === (truth[i] === 1)) / all,
      selectionRate: sum(found) / all,
      truePositiveRate: sum((i) => found(i) && truth[i] === 1) / sum((i) => truth[i] === 1),
      falsePositiveRate: sum((i) => found(i) && truth[i] === 0) / sum((i) => truth[i] === 0),
    };
  };
  const places = new Map<string, number[]>();
  names.forEach((name, i) => void (places.get(name)?.push(i) ?? places.set(name, [i])));
  const reports = Object.fromEntries([...places].map(([name, list]) => [name, report(list)]));
  const range = (of: (group: GroupReport) => number): { difference: number; ratio: number } => {
    const values = Object.values(reports)
      .map(of)
      .filter((value) => !Number.isNaN(value));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return { difference: most - least, ratio: most === 0 ? Number.NaN : least / most };
  };
  const selected = range(({ selectionRate }) => selectionRate);
  const [hits, alarms] = [range(({ truePositiveRate }) => truePositiveRate), range(({ falsePositiveRate }) => falsePositiveRate)];
  return {
    groups: reports,
    overall: report(Array.from({ length: n }, (_, i) => i)),
    demographicParityDifference: selected.difference,
    demographicParityRatio: selected.ratio,
    equalizedOddsDifference: Math.max(hits.difference, alarms.difference),
    equalizedOddsRatio: Math.min(...[hits.ratio, alarms.ratio].filter((ratio) => !Number.isNaN(ratio))),
  };
}
