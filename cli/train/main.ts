/** `gradus train` once it is called: reads what it is given, and trains. */
import { GradusError } from "../../dsl/errors.ts";
import { fixedBatch, objectiveOf, prepare } from "../../trainer/mod.ts";
import type { Command } from "../command.ts";
import { checkWritable, isSameFile, within } from "../files.ts";
import { wrapped } from "../text.ts";
import { type Options, UsageError, wholeNumber } from "../values.ts";
import { readData } from "./data.ts";
import { dryRun } from "./dry_run.ts";
import type { Job } from "./job.ts";
import { readModel } from "./model.ts";
import { optimizerOf } from "./optimizer.ts";
import { dataText, runJob } from "./run.ts";

/** What the command runs. */
export const run: Command["run"] = ([path], options, print) => runTrain(path, options, print);

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
  const written = [
    ["-o", job.output],
    ["--checkpoint", job.checkpoint],
    ...(job.report === undefined ? [] : [["--page", job.report]]),
  ];
  const read = [[path, "the model, which a later run goes on from"], [data, "the data"]];
  for (const [i, [option, file]] of written.entries()) {
    for (
      const [other, what] of [...read, ...written.slice(0, i).map(([name, each]) => [each, name])]
    ) {
      if (!await isSameFile(file, other)) continue;
      throw new UsageError(`${option} must be another file than ${what}: given ${file}`);
    }
    await checkWritable(file);
  }
  const onWarning = (warning: string) => print(wrapped(`note: ${warning}`));
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
  const report = options.page as string | undefined;
  if (!/\.onnx$/i.test(output)) {
    throw new UsageError(`\`train\` writes a model, such as -o tuned.onnx: given ${output}`);
  }
  if (report !== undefined && !/\.html?$/.test(report)) {
    throw new UsageError(`--page takes a page, such as page.html: given ${report}`);
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
