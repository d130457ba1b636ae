/** `gradus train`: fine-tunes or trains an ONNX model on data in files. */
import { LOSS_NAMES } from "../trainer/objective.ts";
import { type Command, SET } from "./command.ts";

const LOSSES = LOSS_NAMES.join("|");

/** The command. */
export const trainCommand: Command = {
  usage: [
    "MODEL.onnx --loss crossEntropy:logits --data train.csv [--optimizer adamw] --set learningRate=1e-3 " +
    "[--steps 500] [--batch 32] [--validate 0.1] [--patience N] [--seed 1] [-o tuned.onnx]",
    "MODEL.onnx --loss crossEntropy:logits --set learningRate=1e-3 --dry-run",
  ],
  summary:
    "Trains a model of any exporter on data in a file or folder, scores it on examples that are held " +
    "out, and writes the model for inference.",
  notes: [
    "Data are a table (.csv, .tsv) whose columns go to the model's inputs in order, labels by a column `label` " +
    "or last; a .safetensors file or a folder of .npy files, called as the inputs, labels as `y`; a folder with " +
    "a folder of PNG or JPEG images for each class, of the model's own size; or a .txt for a model of " +
    "characters. Column names and words for classes are understood.",
    "A checkpoint is kept while it runs. The same command goes on from it, after Ctrl-C or whatever else has " +
    "ended it, to the same model bit for bit.",
    "A rate that falls over 500 steps is --set 'learningRate=1e-3*(1 + cos(pi*count/500))/2'. Any model " +
    "output can be trained: what else to know of models is in docs/training.md.",
  ],
  options: {
    loss: { value: "LOSS:OUTPUT", text: `what is made small, of which output: ${LOSSES}` },
    data: { value: "FILE|FOLDER", text: "the examples" },
    label: { value: "COLUMN", text: "the column of a table that has the labels" },
    optimizer: {
      value: "NAME|FILE",
      text: "a built-in one, or a program in YAML or JSON such as a search gives; by default adamw",
    },
    set: SET,
    params: {
      value: "PATTERN,…",
      text:
        'what is trained, such as "head.*,!head.bias"; all else is frozen; by default all parameters',
    },
    steps: { value: "N", text: "how many steps are made; by default 500" },
    batch: {
      value: "N",
      text: "how many examples a step takes; by default 32, or as the model was exported",
    },
    validate: {
      value: "SHARE",
      text: "the share of the examples that is held out; by default 0.1",
    },
    every: {
      value: "N",
      text: "after how many steps they are scored; by default a twentieth of the steps",
    },
    patience: {
      value: "N",
      text:
        "ends after N scores that are no better than the best, and writes the model that was best",
    },
    seed: { value: "N", text: "what is held out, shuffled and dropped by; by default 1" },
    output: { short: "o", value: "FILE.onnx", text: "the trained model; by default tuned.onnx" },
    page: { value: "PAGE.html", text: "a page with curves" },
    checkpoint: {
      value: "FILE",
      text:
        "where to keep the checkpoint, also after the end; by default beside the output, until the end",
    },
    "dry-run": {
      text: "tells what would be trained, what is frozen or not known, memory and nodes",
    },
  },
  takes: () => ({ least: 1, most: 1, what: "a model, such as model.onnx" }),
  run: async (operands, options, print) => {
    // By an address that is not seen beforehand: what trains takes 150 MB that no other command needs.
    const { href } = new URL("./train/main.ts", import.meta.url);
    const { run } = await import(href) as Pick<Command, "run">;
    await run(operands, options, print);
  },
};
