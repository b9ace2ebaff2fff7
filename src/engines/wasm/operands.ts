/** What a product is made of, and what becomes of it. */
import type { FunctionBuilder, Local } from "./assembler.ts";

type Integer = Local<"i32">;

/** Takes over results: `rows` rows from `row` on, columns from `col` on, which lie at `at`, rows `stride` bytes apart. All numbers are in locals. */
export type Finish = (
  f: FunctionBuilder,
  results: { desk: Integer; row: Integer; rows: Integer; col: Integer; cols: Integer; at: Integer; stride: number },
) => void;

/** out[m, n] = Σ a[m, k] b[k, n]; distances in numbers. */
export interface Product {
  readonly wide: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aRow: number;
  readonly aCol: number;
  readonly bRow: number;
  readonly bCol: number;
  /** Whether each call is for all rows, so that only tiles of some heights are needed. */
  readonly allRows: boolean;
  /** Either: where rows of results go; or what takes them over. */
  readonly outRow: number;
  readonly finish?: Finish;
}
