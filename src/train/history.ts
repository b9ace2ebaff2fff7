/** Numbers of an epoch or batch by name: `loss`, the metrics, and with `val_` in front those of validation. */
export type Logs = Record<string, number>;

/** What training has come to, epoch by epoch: what `fit` returns. */
export class History {
  /** The numbers of the epochs that were trained: `epoch[i]` is the one `history.loss[i]` belongs to. */
  readonly epoch: number[] = [];
  /** One list a name: `loss`, the metrics, and with `val_` in front those of validation. */
  readonly history: Record<string, number[]> = {};

  onEpochEnd(epoch: number, logs: Readonly<Logs>): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value);
  }
}
