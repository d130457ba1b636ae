/** What the page and the command share: data, the loop of a training, and what can be told of it before. */
export { batchOf, type Dataset, datasetOf } from "./dataset.ts";
export {
  describe,
  type Description,
  type Memory,
  type UnknownOperator,
  type Weight,
} from "./describe.ts";
export { Batches, type Split, split } from "./draw.ts";
export { fit, type FitEvent, type FitOptions, type Fitted, partsOf } from "./fit.ts";
export {
  exampleShape,
  exampleSize,
  fitted,
  fixedBatch,
  isWhole,
  spellInput,
  type TrainingInput,
} from "./inputs.ts";
export type { LoopScore } from "./loop.ts";
export { type Accuracy, LOSS_NAMES, type Objective, objectiveOf } from "./objective.ts";
export { prepare, type Prepared, type PrepareOptions } from "./prepare.ts";
export { readCsv, type Table, textOf } from "./read/csv.ts";
export { type Image, imageData } from "./read/images.ts";
export { readNpy } from "./read/npy.ts";
export { columnsOf, tableData, type TableOptions } from "./read/table.ts";
export { readTensors } from "./read/tensors.ts";
export { textData, type TextOptions } from "./read/text.ts";
