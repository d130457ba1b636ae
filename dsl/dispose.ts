/**
 * What `using` and `await using` look for at the end of a block. Where an engine has no such symbols, as in Safari,
 * these are the ones that compiled code looks for.
 */
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ??
  Symbol.for("Symbol.dispose") as typeof Symbol.dispose;
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ??
  Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose;
