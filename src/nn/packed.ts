/** Sequences of different lengths in one batch. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { arange, concat, full, stack, tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";

/** A batch of sequences that end at different times. Recurrent modules leave the state of a sequence alone once it has ended. */
export class PackedSequence {
  /** `[time, batch, ...]`; what lies behind the end of a sequence is not read. */
  readonly padded: Tensor;
  readonly lengths: readonly number[];

  constructor(padded: Tensor, lengths: readonly number[]) {
    this.padded = padded;
    this.lengths = lengths;
  }
}

/** `[time, batch, 1]`: whether a sequence of such a length is still going on. */
export function maskOf(lengths: readonly number[], time: number): Tensor {
  return arange(time)
    .reshape([time, 1, 1])
    .less(tensor(lengths as number[]).reshape([1, lengths.length, 1]));
}

function lengthsOf(where: string, lengths: readonly number[] | Tensor, time: number, batch: number): number[] {
  const known = lengths instanceof Tensor ? lengths.dataSync() : lengths;
  const list = Array.from(known);
  if (list.length !== batch) throw new CambiumError("shape", where, `got ${list.length} lengths for a batch of ${batch}; each sequence has one`);
  const wrong = list.find((n) => !Number.isInteger(n) || n < 1 || n > time);
  if (wrong !== undefined) throw new CambiumError("value", where, `${wrong} is no length of a sequence padded to ${time}: a whole number from 1 to ${time}`);
  return list;
}

export interface BatchFirst {
  /** Whether axis 0 is the batch and axis 1 time. Default `false`. */
  batchFirst?: boolean;
}

const turned = (x: Tensor): Tensor => x.permute([1, 0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2)]);

/**
 * A padded batch with the length of each sequence, for recurrent modules.
 * @shape [time, batch, ...] and [batch] lengths, in any order
 * @throws a `shape` or `value` error for lengths that do not fit
 * @source PyTorch `nn.utils.rnn.pack_padded_sequence`; sequences need not be sorted
 */
export function packPaddedSequence(input: Tensor, lengths: readonly number[] | Tensor, { batchFirst = false }: BatchFirst = {}): PackedSequence {
  if (input.rank < 2) throw new CambiumError("shape", "packPaddedSequence", `expected [time, batch, ...], got ${show(input.shape)}`);
  const padded = batchFirst ? turned(input) : input;
  return new PackedSequence(padded, lengthsOf("packPaddedSequence", lengths, padded.shape[0]!, padded.shape[1]!));
}

export interface PadOptions extends BatchFirst {
  /** What stands behind the end of a sequence. Default 0. */
  paddingValue?: number;
}

/**
 * The batch as a tensor as long as its longest sequence (or `totalLength`), and the lengths.
 * @throws a `value` error when `totalLength` is less than the longest sequence
 * @source PyTorch `nn.utils.rnn.pad_packed_sequence`
 */
export function padPackedSequence(
  { padded, lengths }: PackedSequence,
  { batchFirst = false, paddingValue = 0, totalLength }: PadOptions & { totalLength?: number } = {},
): [sequences: Tensor, lengths: number[]] {
  const longest = Math.max(...lengths);
  const total = totalLength ?? longest;
  if (total < longest) throw new CambiumError("value", "padPackedSequence", `totalLength is ${total}, the longest sequence has ${longest}`);
  const rest = padded.shape.slice(2);
  const cut = padded.slice([0], [Math.min(total, padded.shape[0]!)]);
  const long = total > cut.shape[0]! ? concat([cut, full([total - cut.shape[0]!, ...padded.shape.slice(1)], paddingValue, { dtype: padded.dtype })]) : cut;
  const on = maskOf(lengths, total).reshape([total, lengths.length, ...rest.map(() => 1)]);
  const filled = on.where(long, paddingValue);
  return [batchFirst ? turned(filled) : filled, [...lengths]];
}

/**
 * Sequences of different lengths as one tensor.
 * @shape a list of [length, ...] → [longest, batch, ...], or [batch, longest, ...] with `batchFirst`
 * @throws a `shape` error when they differ in more than their lengths
 * @source PyTorch `nn.utils.rnn.pad_sequence`
 */
export function padSequence(sequences: readonly Tensor[], { batchFirst = false, paddingValue = 0 }: PadOptions = {}): Tensor {
  if (sequences.length === 0) throw new CambiumError("value", "padSequence", "got no sequences");
  const longest = Math.max(...sequences.map((x) => x.shape[0] ?? 0));
  const [first] = sequences as [Tensor];
  const rows = sequences.map((x, i) => {
    if (x.rank === 0 || x.rank !== first.rank || x.shape.slice(1).some((d, k) => d !== first.shape[k + 1]))
      throw new CambiumError("shape", "padSequence", `sequence ${i} is ${show(x.shape)}, sequence 0 ${show(first.shape)}; they may differ along axis 0 only`);
    const missing = longest - x.shape[0]!;
    return missing === 0 ? x : concat([x, full([missing, ...x.shape.slice(1)], paddingValue, { dtype: x.dtype })]);
  });
  return stack(rows, batchFirst ? 0 : 1);
}

/** A padded batch of whole sequences. @source PyTorch `nn.utils.rnn.pack_sequence` */
export const packSequence = (sequences: readonly Tensor[]): PackedSequence =>
  packPaddedSequence(
    padSequence(sequences),
    sequences.map((x) => x.shape[0]!),
  );
