/** The elementwise ops every engine's kernels can do inside a body. */
export const instructions: ReadonlySet<string> = new Set([
  ...["copy", "cast", "randomBits", "uniform"],
  ...["add", "sub", "mul", "div", "pow", "mod", "floorDiv", "minimum", "maximum", "atan2", "hypot"],
  ...["less", "lessEqual", "greater", "greaterEqual", "equal", "notEqual"],
  ...["logicalAnd", "logicalOr", "logicalXor", "logicalNot", "where"],
  ...["neg", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "exp", "expm1", "log", "log1p", "log2", "log10"],
  ...["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"],
  ...["erf", "erfc", "floor", "ceil", "round", "trunc", "relu", "sigmoid", "softplus", "logSigmoid", "silu", "gelu", "geluTanh"],
  ...["isNaN", "isFinite", "isInf", "lerp", "clamp", "mulAdd", "rmsStep", "reluGrad", "geluSlope"],
]);
