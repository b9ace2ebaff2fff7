/** Every op, for whoever has to go through them all: tests, docs, engines, tensor methods. */
export * from "./activation.ts";
export * from "./arithmetic.ts";
export * from "./cast.ts";
export * from "./compare.ts";
export * from "./conv.ts";
export * from "./exponential.ts";
export * from "./gather.ts";
export * from "./matmul.ts";
export * from "./movement.ts";
export * from "./pool.ts";
export * from "./reduction.ts";
export * from "./rounding.ts";
export * from "./slice.ts";
export * from "./spread.ts";
export * from "./trigonometry.ts";
export * from "./window.ts";
