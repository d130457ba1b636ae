/** `gradus train`: fine-tunes or trains an ONNX model on data in files. */
import { GradusError } from "../dsl/errors.ts";
import { fixedBatch, LOSS_NAMES, objectiveOf, prepare } from "../trainer/mod.ts";
import { type Command, SET } from "./command.ts";
import { checkWritable, within } from "./files.ts";
import { readData } from "./train/data.ts";
import { dryRun } from "./train/dry_run.ts";
import type { Job } from "./train/job.ts";
import { readModel } from "./train/model.ts";
import { optimizerOf } from "./train/optimizer.ts";
import { dataText, runJob } from "./train/run.ts";
import { type Options, UsageError, wholeNumber } from "./values.ts";

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
    report: { value: "PAGE.html", text: "a page with curves" },
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
  run: ([path], options, print) => runTrain(path, options, print),
};

async function runTrain(
  path: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const textOf = (name: string) => options[name] as string | undefined;
  const loss = textOf("loss");
  if (loss === undefined) {
    throw new UsageError("`train` needs --loss, such as --loss crossEntropy:logits");
  }
  const objective = objectiveOf(loss);
  const params = textOf("params")?.split(",").map((each) => each.trim());
  const seed = wholeNumber(options, "seed", 1, 0);
  const settings = options.set as readonly string[] | undefined ?? [];
  const optimizer = await optimizerOf(textOf("optimizer") ?? "adamw", settings);
  const { source, digest } = await readModel(path);
  if (options["dry-run"] === true) {
    const batch = wholeNumber(options, "batch", 32);
    print(within(path, () => dryRun(path, source, optimizer, { objective, params, batch })));
    return;
  }
  const data = textOf("data");
  if (data === undefined) throw new UsageError("`train` needs --data, such as --data train.csv");
  const job = {
    ...jobOf(options),
    model: path,
    data,
    loss,
    optimizer: optimizer.program,
    settings,
  };
  if (job.output === path) {
    throw new UsageError("-o must be another file than the model, which a later run goes on from");
  }
  const written = [job.output, job.checkpoint, ...(job.report === undefined ? [] : [job.report])];
  for (const each of written) await checkWritable(each);
  const onWarning = (warning: string) => print(`note: ${warning}`);
  const prepared = within(
    path,
    () => prepare(source, optimizer, { objective, params, seed, onWarning }),
  );
  const examples = await readData(data, prepared.inputs, job.label);
  within(data, () => objective.accuracy?.requireLabels(examples, prepared.outputShape));
  const fixed = fixedBatch(prepared.inputs);
  const batch = wholeNumber(options, "batch", fixed ?? 32);
  if (fixed !== undefined && batch !== fixed) {
    throw new GradusError(
      `\`${path}\`: it was exported for batches of ${fixed}: given --batch ${batch}; an open first extent ` +
        "takes any",
    );
  }
  const identity = JSON.stringify([digest, loss, params ?? null]);
  const fitting = {
    ...{ objective, seed, batch, identity, isFixed: fixed !== undefined },
    ...{ steps: job.steps, validate: job.validate, every: job.every, patience: job.patience },
  };
  print(dataText(job, examples, fitting));
  await runJob(job, prepared, examples, fitting, print);
}

/** What the options say of a run, besides what is read from files. */
function jobOf(options: Options): Omit<Job, "model" | "data" | "loss" | "optimizer" | "settings"> {
  const given = (name: string) =>
    options[name] === undefined ? undefined : wholeNumber(options, name, 1);
  const validate = Number(options.validate ?? 0.1);
  if (!(validate >= 0 && validate < 1)) {
    throw new UsageError(`--validate takes a share from 0 to below 1: given ${options.validate}`);
  }
  const patience = given("patience");
  if (patience !== undefined && validate === 0) {
    throw new UsageError("--patience needs examples that are held out: --validate is 0");
  }
  const output = options.output as string | undefined ?? "tuned.onnx";
  const report = options.report as string | undefined;
  if (!/\.onnx$/i.test(output)) {
    throw new UsageError(`\`train\` writes a model, such as -o tuned.onnx: given ${output}`);
  }
  if (report !== undefined && !/\.html?$/.test(report)) {
    throw new UsageError(`--report takes a page, such as page.html: given ${report}`);
  }
  return {
    ...{ output, report, patience, validate },
    label: options.label as string | undefined,
    steps: wholeNumber(options, "steps", 500),
    every: given("every"),
    checkpoint: options.checkpoint as string | undefined ??
      output.replace(/\.onnx$/i, ".checkpoint.safetensors"),
    keepsCheckpoint: options.checkpoint !== undefined,
  };
}
