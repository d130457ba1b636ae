/** `gradus export`: the files it writes, and that it writes none by halves. */
import { main } from "../cli.ts";
import { METADATA, toOnnx } from "../export/onnx/mod.ts";
import { OrtOptimizer } from "../export/ort/mod.ts";
import { adamw, lion, type OptimizerFactory, parseJson, schedule } from "../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import * as zoo from "../zoo/mod.ts";
import { IN_NO_GRAPH } from "./export/everything.ts";
import { functionsOf, inputNames, metadataOf, operatorsOf, signatureOf } from "./export/models.ts";
import { differences } from "./export/trees.ts";

const EXAMPLE = new URL("../examples/lion.yaml", import.meta.url).pathname;

async function run(args: readonly string[]) {
  const [out, error]: string[][] = [[], []];
  const code = await main(args, (line) => out.push(line), (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const filesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

/** What `gradus export` with these arguments writes. */
async function exported(...args: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array();
  await inFolder(async (folder) => {
    const path = `${folder}/some.onnx`;
    const { code, out, error } = await run(["export", ...args, "-o", path]);
    assertEquals([code, error], [0, ""]);
    assertEquals(filesIn(folder), ["some.onnx"]);
    bytes = await Deno.readFile(path);
    const name = parseJson(metadataOf(bytes)[METADATA.program]).name;
    assertEquals(out.split("\n")[0], `${path}: one step of "${name}", ${bytes.length} bytes`);
  });
  return bytes;
}

Deno.test("what is exported is what the library exports, and it runs", async () => {
  const bytes = await exported("lion", "--params", "w:2x3,b:4", "--set", "learningRate=0.001");
  const opt = lion({ learningRate: 0.001 });
  assertEquals(bytes, toOnnx(opt, { w: [2, 3], b: [4] }));
  const tree = () => ({
    w: { data: Float32Array.of(1, -2, 3, -4, 5, -6), shape: [2, 3] },
    b: Float32Array.of(1, -1, 0.5, -0.5),
  });
  const [ours, theirs] = [tree(), tree()];
  const loaded = await OrtOptimizer.load(bytes);
  const [state, theirState] = [opt.init(ours), loaded.init(theirs)];
  for (let step = 0; step < 3; step++) {
    opt.step(ours, tree(), state);
    await loaded.step(theirs, tree(), theirState);
  }
  assertEquals(differences(theirs, ours), []);
  assertEquals(differences(theirState.m, state.m), []);
  await loaded.dispose();
});

Deno.test("an optimizer from a file is exported as the built-in one, to the byte", async () => {
  const args = ["--params", "w:784x64,b:64", "--set", "learningRate=0.001"];
  assertEquals(await exported(EXAMPLE, ...args), await exported("lion", ...args));
});

Deno.test("parameters may be nested, scalars and empty, under any keys", async () => {
  const bytes = await exported("sgd", "--params", "deep/k:3,deep/b: ,__proto__/a:2x0x1, w:1x2");
  assertEquals(signatureOf(bytes).inputs.filter((each) => each.startsWith("w/")).sort(), [
    "w/__proto__/a float [2, 0, 1]",
    "w/deep/b float []",
    "w/deep/k float [3]",
    "w/w float [1, 2]",
  ]);
});

Deno.test("a required hyperparameter without a value stays an input, as does one asked for", async () => {
  const hypers = async (...args: string[]) =>
    inputNames(await exported("lion", "--params", "w:2", ...args))
      .filter((name) => name.startsWith("hyper/")).sort();
  assertEquals(await hypers(), ["hyper/learningRate"]);
  assertEquals(await hypers("--set", "learningRate=1"), []);
  assertEquals(await hypers("--input", "b1", "--input=weightDecay"), [
    "hyper/b1",
    "hyper/learningRate",
    "hyper/weightDecay",
  ]);
  assertEquals(await hypers("--set", "learningRate=1", "--input", "learningRate"), [
    "hyper/learningRate",
  ]);
});

Deno.test("export says what goes in and out, and what became of each hyperparameter", async () => {
  await inFolder(async (folder) => {
    const args = ["--params", "w:2x3,b:4", "--input", "b1", "--set", "weightDecay=0.1*0.9^count"];
    const { out } = await run(["export", "lion", ...args, "-o", `${folder}/lion.onnx`]);
    const [, hyper, inputs, outputs] = out.split("\n\n").map((part) =>
      part.split("\n").map((line) => line.trim().split(/ {2,}/))
    );
    assertEquals(hyper, [
      ["hyperparameters"],
      ["learningRate", "input"],
      ["b1", "input", "made with 0.9"],
      ["b2", "constant", "0.99"],
      ["weightDecay", "schedule", "0.1*0.9^count"],
    ]);
    assertEquals(inputs.slice(0, 5), [
      ["inputs"],
      ["count", "int64"],
      ["hyper/learningRate", "float64"],
      ["hyper/b1", "float64"],
      ["w/b", "float32", "[4]"],
    ]);
    assertEquals(outputs[4], ["next/w/w", "float32", "[2, 3]"]);
  });
});

Deno.test("a schedule that is set is computed in the graph", async () => {
  const text = "0.1*0.99^count";
  const bytes = await exported("adamw", "--params", "w:2", "--set", `learningRate=${text}`);
  assertEquals(bytes, toOnnx(adamw({ learningRate: schedule(text) }), { w: [2] }));
  assertEquals(operatorsOf(bytes).filter((operator) => operator === "Pow").length, 3);
});

Deno.test("a truth value that is set decides what the graph computes", async () => {
  const args = ["sgd", "--params", "w:2", "--set", "learningRate=1", "--set", "momentum=0.5"];
  const nodesOf = (bytes: Uint8Array) => functionsOf(bytes).get("sgd")!.length;
  const plain = nodesOf(await exported(...args));
  const nesterov = nodesOf(await exported(...args, "--set", "nesterov=true"));
  assert(nesterov > plain, `${nesterov} is no more than ${plain}`);
});

Deno.test("parameters are required, and must be paths with shapes", async () => {
  await inFolder(async (folder) => {
    const refuse = async (params: readonly string[], ...parts: string[]) => {
      const output = `${folder}/lion.onnx`;
      const { code, out, error } = await run(["export", "lion", ...params, "-o", output]);
      assertEquals([code, out], [2, ""], error);
      for (const part of ["gradus: ", ...parts]) assertStringIncludes(error, part);
      assertEquals(filesIn(folder), []);
    };
    await refuse([], "`export` needs --params, such as --params w:784x64,b:64");
    for (
      const part of ["w", ":3", "w:3x", "w:x3", "w:-3", "w:1.5", "w:two", "w:3:4", "w:1e3", ""]
    ) {
      const example = "--params takes PATH:SHAPE,…, such as w:784x64: given";
      await refuse(["--params", part], example, part);
      await refuse(["--params", `a:1,${part}`], example, part);
    }
    await refuse(["--params", "w:2,w:3"], "`w`", "twice");
    await refuse(["--params", "a/b:2,a/b:3"], "`a/b`", "twice");
    await refuse(["--params", "w:2,w/deep:3"], "`w`");
    await refuse(["--params", "w/deep:3,w:2"], "`w`");
  });
});

Deno.test("what cannot be exported is refused, and no file is written", async () => {
  await inFolder(async (folder) => {
    const refuse = async (args: readonly string[], ...parts: string[]) => {
      const output = `${folder}/some.onnx`;
      const { code, out, error } = await run(["export", ...args, "-o", output]);
      assertEquals([code, out], [1, ""], error);
      for (const part of ["gradus: Cannot ", ...parts]) assertStringIncludes(error, part);
      assertEquals(filesIn(folder), []);
    };
    await refuse(["noisySgd", "--params", "w:2"], "random numbers", "`normal(seed)`");
    await refuse(["lion", "--params", "w:2", "--input", "m"], "no hyperparameter `m`");
    await refuse(["lion", "--params", "w:2", "--set", "b3=1"], "`b3`", "did you mean `b1`?");
    await refuse(["lion", "--params", "w:2", "--set", "b1=x"], "`x`", "^");
    await refuse(["lion", "--params", "w:99999999999999999999"], "`w`");
    await refuse(["lion", "--params", "w:4294967296x4294967296"], "`w`");
  });
});

Deno.test("where nothing can be written it says so, and leaves no part of a file", async () => {
  await inFolder(async (folder) => {
    const args = ["export", "lion", "--params", "w:2", "-o"];
    await Deno.mkdir(`${folder}/taken`);
    for (const path of [`${folder}/none/lion.onnx`, `${folder}/taken`, `${folder}/taken/`]) {
      const { code, out, error } = await run([...args, path]);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(error, `gradus: Cannot write \`${path}\``);
      assertEquals([filesIn(folder), filesIn(`${folder}/taken`)], [["taken"], []]);
    }
  });
});

Deno.test("a file that was there is replaced as a whole, or not at all", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/lion.onnx`;
    const before = "something longer than any model that would be written over it ".repeat(200);
    await Deno.writeTextFile(path, before);
    assertEquals((await run(["export", "lion", "--params", "w", "-o", path])).code, 2);
    assertEquals(
      (await run(["export", "lion", "--params", "w:2", "--input", "m", "-o", path])).code,
      1,
    );
    assertEquals(await Deno.readTextFile(path), before);
    const { code } = await run(["export", "lion", "--params", "w:2", "--output", path]);
    assertEquals([code, filesIn(folder)], [0, ["lion.onnx"]]);
    const bytes = await Deno.readFile(path);
    assert(parseJson(metadataOf(bytes)[METADATA.program]) === lion.program);
    assert(bytes.length < before.length);
  });
});

Deno.test("a disk that is full half-way leaves the file that was there, and no part of another", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/lion.onnx`;
    await Deno.writeTextFile(path, "before");
    const { writeFile } = Deno;
    try {
      Deno.writeFile = async (to, bytes) => {
        await writeFile(to, (bytes as Uint8Array).subarray(0, 100));
        throw new Error("No space left on device");
      };
      const { code, out, error } = await run(["export", "lion", "--params", "w:2", "-o", path]);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(error, `gradus: Cannot write \`${path}\`: No space left on device`);
    } finally {
      Deno.writeFile = writeFile;
    }
    assertEquals(filesIn(folder), ["lion.onnx"]);
    assertEquals(await Deno.readTextFile(path), "before");
  });
});

Deno.test("the report has a line for each built-in optimizer that has a graph", async () => {
  const { code, out } = await run(["export", "--report"]);
  const lines = out.split("\n");
  assertEquals([code, lines[0].split(/ *\| */).filter(Boolean)], [0, [
    "optimizer",
    "nodes a leaf",
    "nodes a step",
    "bytes",
  ]]);
  const rowOf = (name: string) => {
    const row = lines.find((line) => line.startsWith(`| ${name} `))!;
    return row.split(/ *\| */).filter(Boolean).slice(1).map(Number);
  };
  for (
    const [name, { program }] of Object.entries(zoo as Record<string, OptimizerFactory<never>>)
  ) {
    if (program === undefined || IN_NO_GRAPH.has(name)) continue;
    const [leaf, , bytes] = rowOf(name);
    assert(leaf > 0 && bytes > 300, `${name}: ${leaf} nodes, ${bytes} bytes`);
  }
  assertEquals(rowOf("lion")[0], 14);
  assert(rowOf("adamw")[0] <= 20);
  assert(rowOf("setToZero")[0] === 1);
});

Deno.test("the report takes shapes and no optimizer", async () => {
  const { out } = await run(["export", "--report", "--params", "w:2"]);
  assertStringIncludes(out, "| lion ");
  const { code, error } = await run(["export", "lion", "--report"]);
  assertEquals(code, 2);
  assertStringIncludes(error, "`lion` is one argument too many");
});

Deno.test("export --to torch writes a module; required hyperparameters have no default", () =>
  inFolder(async (folder) => {
    const path = `${folder}/lion.py`;
    const { code, out } = await run([
      "export",
      "lion",
      "--to",
      "torch",
      "--set",
      "b1=0.5",
      "-o",
      path,
    ]);
    assertEquals(code, 0);
    assertStringIncludes(out, `"lion" for torch`);
    const text = await Deno.readTextFile(path);
    assertStringIncludes(
      text,
      "def __init__(self, params, lr, b1=0.5, b2=0.99, weight_decay=0.001,",
    );
    for (
      const [given, says] of [
        [["--to", "pytorch"], 'given "pytorch"; did you mean `torch`?'],
        [["--to", "torch", "--params", "w:3"], "`export` takes --params only without --to"],
        [["--to", "torch", "--input", "b1"], "`export` takes --input only without --to"],
        [["--params", "w:3", "--name", "Lion"], "`export` takes --name only with --to"],
      ] as const
    ) {
      const wrong = await run(["export", "lion", ...given, "-o", path]);
      assertEquals(wrong.code === 0, false);
      assertStringIncludes(wrong.error, says);
    }
    assertEquals(await Deno.readTextFile(path), text);
  }));
