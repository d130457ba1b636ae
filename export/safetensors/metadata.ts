/** What a checkpoint says of itself beside its tensors. */
import { JOINED, METADATA } from "../onnx/metadata.ts";

/** The version of this package. */
export const VERSION = "0.2.0";

/** The version of the format, which grows when what is written can no longer be read as before. */
export const FORMAT = "1";

/** What the names of arrays that are the model's alone begin with, before the path. */
export const BUFFERS = "buffers";

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
  /** What the optimizer was made with, and what it was made to store states as. */
  settings: JOINED.settings,
  storage: JOINED.storage,
  /** The hyperparameters that were written into the state, as JSON. */
  written: "gradus.written",
  /** The other hyperparameters that the last step used, as JSON. */
  used: "gradus.used",
  /** What states are stored as, by name, as JSON. */
  stored: "gradus.stored",
  /** The tree of the parameters as JSON, with `"array"` and `"tensor"` as its leaves. */
  tree: "gradus.tree",
} as const;
