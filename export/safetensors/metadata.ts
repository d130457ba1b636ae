/** What a checkpoint says of itself beside its tensors. */
import { METADATA } from "../onnx/metadata.ts";

/** The version of this package. */
export const VERSION = "0.2.0";

/** The version of the format, which grows when what is written can no longer be read as before. */
export const FORMAT = "1";

/** Keys of the metadata of a checkpoint. */
export const KEYS = {
  /** The version of the format. */
  checkpoint: "gradus.checkpoint",
  /** The version of the package that wrote it. */
  version: "gradus.version",
  /** The program as JSON text. */
  program: METADATA.program,
  /** A hash of what the program computes. */
  hash: "gradus.hash",
  /**
   * What the optimizer was made with, as JSON: of each hyperparameter its `value`, and a `mask` and a `clock`
   * where it has them. In a value a schedule is the text `count => …`, and null where it has no expression.
   */
  settings: "gradus.settings",
  /** What the optimizer was made to store states as, by name, as JSON. */
  storage: "gradus.storage",
  /** The hyperparameters that were written into the state, as JSON. */
  written: "gradus.written",
  /** The other hyperparameters that the last step used, as JSON. */
  used: "gradus.used",
  /** What states are stored as, by name, as JSON. */
  stored: "gradus.stored",
  /** The tree of the parameters as JSON, with `"array"` and `"tensor"` as its leaves. */
  tree: "gradus.tree",
} as const;
