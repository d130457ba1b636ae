/** `gradus train`: from files to a tuned model, whatever happens on the way. */
import { encode } from "fast-png";
import jpeg from "jpeg-js";
import * as ort from "onnxruntime-web/wasm";
import { main } from "../../cli.ts";
import { printJson } from "../../dsl/json.ts";
import { initializersOf } from "../../export/onnx/mod.ts";
import { writeSafetensors } from "../../export/safetensors/mod.ts";
import { programOf, space } from "../../search/mod.ts";
import { kindOf } from "../../runtime/kind.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { randomGenomes } from "../search/random_programs.ts";

const root = new URL("../../", import.meta.url);
const pathOf = (file: string) => new URL(file, root).pathname;
const CLASSIFIER = pathOf("docs/classifier.onnx");
const LOSS = ["--loss", "crossEntropy:logits"];
const RATE = ["--set", "learningRate=0.02"];
const CLASSES = ["ant", "bee", "cat", "dog"];
const WEIGHTS = [1, 2, 3].flatMap((layer) => [`l${layer}.weight`, `l${layer}.bias`]);
const COUNT = 240;

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: string[][] = [[], []];
  const code = await main(["train", ...args], (line) => out.push(line), (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Points whose class is told by where they are. */
const X = Float32Array.from({ length: 8 * COUNT }, (_, i) => Math.sin(i * i));
const Y = Int32Array.from(
  { length: COUNT },
  (_, i) => (X[8 * i] > 0 ? 2 : 0) + (X[8 * i + 1] > 0 ? 1 : 0),
);

function tableOf(label: (i: number) => string): string {
  const rows = Array.from(Y, (_, i) => [...X.subarray(8 * i, 8 * i + 8), label(i)].join(","));
  return `a,b,c,d,e,f,g,h,kind\n${rows.join("\n")}\n`;
}

/** A `.npy` file as NumPy writes it. */
function npyOf(descr: string, shape: string, data: Float32Array | Int32Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) +
    "\n";
  const head = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0];
  return Uint8Array.of(
    ...head,
    ...new TextEncoder().encode(header),
    ...new Uint8Array(data.buffer),
  );
}

Deno.test("a table, tensors and arrays of the same numbers train the same model, which knows the classes", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/words.csv`, tableOf((i) => CLASSES[Y[i]]));
    await Deno.writeTextFile(`${folder}/numbers.csv`, tableOf((i) => String(Y[i])));
    const tensors = { x: { data: X, shape: [COUNT, 8] }, y: { data: Y, shape: [COUNT] } };
    await Deno.writeFile(`${folder}/data.safetensors`, writeSafetensors(tensors));
    await Deno.mkdir(`${folder}/arrays`);
    await Deno.writeFile(`${folder}/arrays/x.npy`, npyOf("<f4", `(${COUNT}, 8)`, X));
    await Deno.writeFile(`${folder}/arrays/y.npy`, npyOf("<i4", `(${COUNT},)`, Y));
    const models: Uint8Array[] = [];
    for (const data of ["words.csv", "numbers.csv", "data.safetensors", "arrays"]) {
      const output = `${folder}/tuned.onnx`;
      const files = [
        "--data",
        `${folder}/${data}`,
        "-o",
        output,
        "--page",
        `${folder}/page.html`,
      ];
      const { code, out, error } = await run(
        CLASSIFIER,
        ...LOSS,
        ...RATE,
        ...files,
        "--steps",
        "100",
      );
      assertEquals([code, error], [0, ""]);
      assertStringIncludes(out, "240 examples, of which 24 are held out");
      assert(
        /step 100 · loss 0\.\d+ · held-out loss 0\.\d+ · (9\d|100)\.\d % right/.test(out),
        out,
      );
      if (data === "words.csv") {
        assertStringIncludes(out.replace(/\s+/g, " "), 'are "ant", "bee", "cat", "dog"');
      }
      models.push(await Deno.readFile(output));
    }
    for (const model of models) assertEquals(model, models[0]);
    const session = await ort.InferenceSession.create(models[0]);
    const { logits } = await session.run({ x: new ort.Tensor("float32", X, [COUNT, 8]) });
    const right = Y.filter((label, i) => {
      const own = (logits.data as Float32Array).subarray(4 * i, 4 * i + 4);
      return own.indexOf(Math.max(...own)) === label;
    });
    assert(right.length > 0.9 * COUNT, `${right.length}`);
    await session.release();
    const page = await Deno.readTextFile(`${folder}/page.html`);
    for (const part of ["<title>classifier.onnx, trained by adamw</title>", "held out", "<math"]) {
      assertStringIncludes(page, part);
    }
    assert(!/NaN|undefined|Infinity|(src|href)=/.test(page));
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    const given = [
      "arrays",
      "data.safetensors",
      "numbers.csv",
      "page.html",
      "tuned.onnx",
      "words.csv",
    ];
    assertEquals(left, given, "no checkpoint is left");
  });
});

Deno.test("a run that is killed or interrupted at any moment goes on to the same bytes", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/train.csv`, tableOf((i) => CLASSES[Y[i]]));
    const args = (output: string) => [
      ...["train", CLASSIFIER, ...LOSS, ...RATE, "--data", `${folder}/train.csv`],
      ...["--steps", "3000", "--patience", "30", "-o", output],
    ];
    const whole = `${folder}/whole.onnx`;
    assertEquals(await main(args(whole), () => {}), 0);
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      const output = `${folder}/${signal}.onnx`;
      const checkpoint = `${folder}/${signal}.checkpoint.safetensors`;
      const isThere = () => Deno.stat(checkpoint).then(() => true, () => false);
      let [code, said] = [0, ""];
      // Where much else runs, it may end before it is stopped, and leaves no checkpoint: then once more.
      for (let tries = 0; code === 0 && tries < 5; tries++) {
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", pathOf("cli.ts"), ...args(output)],
          cwd: root,
          stdout: "null",
          stderr: "piped",
        }).spawn();
        let isOver = false;
        const over = child.output().finally(() => isOver = true);
        while (!isOver && !await isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
        await new Promise((resolve) => setTimeout(resolve, 200 * Math.random() / (tries + 1)));
        if (!isOver) child.kill(signal);
        const { code: own, stderr } = await over;
        [code, said] = [own, new TextDecoder().decode(stderr)];
      }
      assertEquals(code, signal === "SIGINT" ? 130 : 137, said);
      if (signal === "SIGINT") {
        assertStringIncludes(said, "the same command goes on from there");
      }
      const lines: string[] = [];
      assertEquals(await main(args(output), (line) => lines.push(line)), 0);
      const [, step] = /goes on after step (\d+)/.exec(lines.join("\n")) ?? [];
      assert(Number(step) > 0, lines.join("\n"));
      assertEquals(await Deno.readFile(output), await Deno.readFile(whole));
    }
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    assertEquals(left, ["SIGINT.onnx", "SIGKILL.onnx", "train.csv", "whole.onnx"]);
  });
});

Deno.test("a folder of images for each class trains a model of images", async () => {
  await inFolder(async (folder) => {
    const side = 12;
    const classes = ["down", "left", "right", "up"];
    for (const [label, name] of classes.entries()) {
      await Deno.mkdir(`${folder}/data/${name}`, { recursive: true });
      for (let i = 0; i < 12; i++) {
        // Bright on one side, more or less.
        const grey = Uint8Array.from({ length: side * side }, (_, at) => {
          const [row, column] = [Math.floor(at / side), at % side];
          const ramp = [row, side - 1 - column, column, side - 1 - row][label];
          return Math.min(255, 18 * ramp + (i * 31 + at * 7) % 40);
        });
        const colours = Uint8Array.from(
          { length: 4 * side * side },
          (_, at) => at % 4 === 3 ? 255 : grey[at >> 2],
        );
        const bytes = i % 2 === 0
          ? encode({ width: side, height: side, data: grey, channels: 1, depth: 8 })
          : jpeg.encode({ width: side, height: side, data: colours }, 95).data;
        await Deno.writeFile(`${folder}/data/${name}/${i}.${i % 2 === 0 ? "png" : "jpg"}`, bytes);
      }
    }
    await Deno.writeTextFile(`${folder}/data/.DS_Store`, "");
    const model = pathOf("tests/export/train/models/cnn.batch.onnx");
    const files = ["--data", `${folder}/data`, "-o", `${folder}/tuned.onnx`];
    const args = [model, ...LOSS, "--set", "learningRate=0.01", ...files, "--validate", "0.25"];
    const { code, out, error } = await run(...args, "--steps", "60", "--batch", "12");
    assertEquals([code, error], [0, ""]);
    assert(/step 60 · .* · (9\d|100)\.\d % right/.test(out), out);
    const refused = async (file: string, bytes: Uint8Array, ...parts: string[]) => {
      await Deno.writeFile(`${folder}/data/${file}`, bytes);
      const { code, error } = await run(...args);
      assertEquals(code, 1);
      for (const part of [file.split("/").at(-1)!, ...parts]) assertStringIncludes(error, part);
      await Deno.remove(`${folder}/data/${file}`);
    };
    const small = encode({ width: 8, height: 12, data: new Uint8Array(96), channels: 1, depth: 8 });
    await refused("down/a.png", small, "all must be of one size", "8 x 12");
    await refused("up/a.png", small.subarray(0, 50), "its bytes must be whole");
    await refused("up/a.txt", new TextEncoder().encode("hello"), "it must be a PNG or a JPEG");
    const bomb = small.slice();
    new DataView(bomb.buffer).setUint32(16, 1e9);
    await refused("up/a.png", bomb, "it must have at most 16777216 pixels");
    await refused(
      "notes.txt",
      new Uint8Array(),
      "either a folder of images for each class, or a .npy file",
    );
  });
});

Deno.test("optimizers in files train, and what is frozen stays as it was", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/train.csv`, tableOf((i) => String(Y[i])));
    const paper = space();
    const found = randomGenomes(paper, 50, 3).map((genome) => programOf(paper, genome))
      .find((program) => kindOf(program) === "optimizer" && program.state.size > 1)!;
    await Deno.writeTextFile(`${folder}/found.json`, printJson(found));
    const mine = "name: mine\nhyper: {learningRate: required}\nstep: u = -learningRate*sign(g)";
    await Deno.writeTextFile(`${folder}/mine.yaml`, mine);
    const before = initializersOf(await Deno.readFile(CLASSIFIER), WEIGHTS);
    for (const optimizer of ["found.json", "mine.yaml"]) {
      const rates = ["--set", "learningRate=0.001*(1 + cos(pi*count/20))"];
      const files = ["--data", `${folder}/train.csv`, "-o", `${folder}/tuned.onnx`];
      const how = [
        "--optimizer",
        `${folder}/${optimizer}`,
        "--params",
        "l2.*,!l2.bias",
        "--steps",
        "20",
      ];
      const { code, error } = await run(CLASSIFIER, ...LOSS, ...rates, ...files, ...how);
      assertEquals([code, error], [0, ""], optimizer);
      const after = initializersOf(await Deno.readFile(`${folder}/tuned.onnx`), WEIGHTS);
      const changed = WEIGHTS.filter((name) =>
        before[name].data.some((value, i) => value !== after[name].data[i])
      );
      assertEquals(changed, ["l2.weight"]);
    }
  });
});

Deno.test("a dry run tells what trains, what is frozen, what is not known, memory and nodes", async () => {
  const dry = (model: string, ...more: string[]) =>
    run(model, ...LOSS, ...RATE, "--dry-run", ...more);
  const { code, out } = await dry(CLASSIFIER, "--params", "l2.*");
  assertEquals(code, 0);
  const lines = out.split("\n").map((line) => line.trim().replace(/ {2,}/g, " · "));
  for (
    const line of [
      "trained: 2 arrays, 272 numbers",
      "frozen: 4 arrays, 212 numbers",
      "not known: 0 nodes",
      "`x`, float32 [batch, 8]",
      "`y`, int64 [batch] · for the loss",
      "model · 5",
      "parameters · 1.09 kB",
      "gradients · 1.09 kB",
      "states of the optimizer · 2.18 kB",
    ]
  ) assert(lines.includes(line), `${line} is not in\n${out}`);
  // What the gradient of a classifier reads again grows with the batch.
  const kept = async (batch: string) => {
    const [, size] = /activations kept for the gradients +([\d.]+) kB/.exec(
      (await dry(CLASSIFIER, "--batch", batch)).out,
    )!;
    return Number(size);
  };
  assertEquals(await kept("320"), 10 * await kept("32"));
  await inFolder(async (folder) => {
    const bytes = await Deno.readFile(CLASSIFIER);
    // An operator of another name, which is as long.
    const text = String.fromCharCode(...bytes).replace('"\x04Relu', '"\x04Rely');
    const path = `${folder}/unknown.onnx`;
    await Deno.writeFile(path, Uint8Array.from(text, (c) => c.charCodeAt(0)));
    const { code, out, error } = await dry(path);
    assertEquals([code, error], [0, ""]);
    for (const part of ["cannot be trained so", "not known: 1 node\n  Rely"]) {
      assertStringIncludes(out, part);
    }
  });
});

Deno.test("what does not fit is refused before anything is trained or written", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/train.csv`, tableOf((i) => String(Y[i])));
    await Deno.writeTextFile(`${folder}/wrong.csv`, tableOf((i) => String(Y[i] + 1)));
    await Deno.writeTextFile(`${folder}/clip.yaml`, "name: clip\nstep: u = clip(g, -1, 1)");
    const data = ["--data", `${folder}/train.csv`];
    const output = ["-o", `${folder}/tuned.onnx`];
    const all = [CLASSIFIER, ...LOSS, ...RATE, ...data, ...output];
    const [name, link] = [folder.split("/").at(-1)!, `${folder}/link.onnx`];
    await Deno.copyFile(CLASSIFIER, `${folder}/m.onnx`);
    await Deno.symlink(`${folder}/m.onnx`, link);
    const refused: readonly (readonly [code: number, part: string, ...args: string[]])[] = [
      [2, "`train` needs a model", ...LOSS],
      [2, "`train` needs --loss", CLASSIFIER, ...RATE, ...data],
      [1, "LOSS one of crossEntropy", CLASSIFIER, "--loss", "mse:logits", ...RATE, ...data],
      [
        1,
        "no output `logit`; did you mean `logits`?",
        CLASSIFIER,
        "--loss",
        "crossEntropy:logit",
        ...RATE,
        ...data,
        ...output,
      ],
      [
        2,
        "`adamw` needs `learningRate`, such as --set learningRate=1e-3",
        CLASSIFIER,
        ...LOSS,
        ...data,
      ],
      [2, "`train` needs --data", CLASSIFIER, ...LOSS, ...RATE],
      [
        2,
        "--data takes a folder, or a file that ends in .csv",
        CLASSIFIER,
        ...LOSS,
        ...RATE,
        "--data",
        CLASSIFIER,
        ...output,
      ],
      [1, "Cannot read", CLASSIFIER, ...LOSS, ...RATE, "--data", `${folder}/none.csv`, ...output],
      [
        1,
        "labels must be from 0 to 3: given 4",
        CLASSIFIER,
        ...LOSS,
        ...RATE,
        "--data",
        `${folder}/wrong.csv`,
        ...output,
      ],
      [1, "no column `kin`; did you mean `kind`?", ...all, "--label", "kin"],
      [1, "no initializer `l4.*`", ...all, "--params", "l4.*"],
      [2, "--validate takes a share", ...all, "--validate", "1"],
      [
        2,
        "--patience needs examples that are held out",
        ...all,
        "--validate",
        "0",
        "--patience",
        "2",
      ],
      [1, "a batch must have no more examples", ...all, "--batch", "500"],
      [1, "it is a transform", ...all, "--optimizer", `${folder}/clip.yaml`],
      [
        1,
        "it was exported for batches of 8",
        pathOf("tests/export/train/models/mlp.plain.onnx"),
        ...LOSS,
        ...RATE,
        ...data,
        ...output,
        "--batch",
        "7",
      ],
      // However it is written.
      [
        2,
        "-o must be another file than the model",
        ...[`${folder}/m.onnx`, ...LOSS, ...RATE, ...data, "-o", `${folder}/../${name}/./m.onnx`],
      ],
      [2, "-o must be another file than the model", link, ...all.slice(1, -1), `${folder}/m.onnx`],
      [
        2,
        "--checkpoint must be another file than the data",
        ...[...all, "--checkpoint", `${folder}/../${name}/train.csv`],
      ],
      [
        2,
        "--checkpoint must be another file than -o",
        ...[...all, "--checkpoint", `${folder}/../${name}/tuned.onnx`],
      ],
      [2, "`train` writes a model", ...all.slice(0, -1), `${folder}/tuned.txt`],
      [
        1,
        "the loss of step 2 must be finite",
        CLASSIFIER,
        ...LOSS,
        "--set",
        "learningRate=1e38",
        ...data,
        ...output,
      ],
    ];
    for (const [wanted, part, ...args] of refused) {
      const { code, error } = await run(...args);
      assertEquals([code, error.includes(part)], [wanted, true], `${part}: ${code}, ${error}`);
    }
    await Deno.writeTextFile(`${folder}/tuned.checkpoint.safetensors`, "no checkpoint");
    const { code, error } = await run(...all, "--steps", "5");
    assertEquals(code, 1);
    for (const part of ["tuned.checkpoint.safetensors", "Remove it to begin anew"]) {
      assertStringIncludes(error, part);
    }
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    assertEquals(left, [
      "clip.yaml",
      "link.onnx",
      "m.onnx",
      "train.csv",
      "tuned.checkpoint.safetensors",
      "wrong.csv",
    ]);
  });
});
