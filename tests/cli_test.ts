/** The command `gradus`: what it prints, what it returns, how it complains. */
import { isAxes } from "../dsl/axes.ts";
import { main } from "../cli.ts";
import { parseYaml } from "../dsl/yaml.ts";
import { explain, latex, lion, parseJson, printJson, printProgram, sgd } from "../mod.ts";
import * as zoo from "../zoo/mod.ts";
import { STAGES } from "../runtime/plan/stages.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";

const BUILT_IN = Object.keys(zoo) as (keyof typeof zoo)[];
const EXAMPLE = new URL("../examples/lion.yaml", import.meta.url).pathname;

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function run(...args: readonly string[]): Promise<Result> {
  const [out, error]: string[][] = [[], []];
  const code = await main(args, (line) => out.push(line), (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, out, error } = await run(...args);
  assertEquals([code, error], [0, ""]);
  return out;
}

/** Fails unless the command prints nothing but why it ends with `code`. */
async function fail(code: 1 | 2, args: readonly string[], ...parts: string[]): Promise<string> {
  const result = await run(...args);
  assertEquals([result.code, result.out], [code, ""], result.error);
  assert(result.error.startsWith("gradus: "), result.error);
  assertEquals(/\nTry `gradus help( [a-z]+)?`\.$/.test(result.error), code === 2, result.error);
  for (const part of parts) assertStringIncludes(result.error, part);
  return result.error;
}

/** Runs `test` with the path of a file of this text. */
async function withFile(
  name: string,
  text: string | Uint8Array,
  test: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("help shows every command, option, built-in optimizer and exit code", async () => {
  const help = await succeed("help");
  for (
    const command of [
      "list",
      "show NAME|FILE",
      "check FILE",
      "export NAME|FILE",
      "derive NAME|FILE",
      "help",
    ]
  ) {
    assertStringIncludes(help, `gradus ${command}`);
  }
  assertStringIncludes(help, `NAME is one of the ${BUILT_IN.length} that \`gradus list\` shows`);
  assertStringIncludes(help, "Exit codes: 0 done, 1 a program or value is wrong, 2 the command is");
  for (const args of [["--help"], ["-h"]]) assertEquals(await succeed(...args), help);
});

Deno.test("help of a command shows how it is called and each of its options", async () => {
  const help = await succeed("help", "export");
  for (const option of ["--params", "--set NAME=VALUE", "--input", "-o, --output FILE"]) {
    assertStringIncludes(help, option);
  }
  assert(!help.includes("gradus show"), help);
  assertEquals(help.split("\n").filter((line) => line.length > 80), []);
  for (const args of [["export", "--help"], ["export", "lion", "-h"]]) {
    assertEquals(await succeed(...args), help);
  }
  await fail(2, ["help", "exprot"], "did you mean `export`?");
  const [name, file] = ["NAME is one of the ", "FILE is a program in YAML"];
  for (
    const [command, says] of [
      ["show", [name, file]],
      ["check", [file]],
      ["list", []],
      [
        "search",
        [],
      ],
      ["worker", []],
      ["sweep", []],
    ] as const
  ) {
    const text = await succeed("help", command);
    assertEquals([name, file].filter((line) => text.includes(line)), [...says]);
  }
});

Deno.test("--version prints that of the package", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  assertEquals(await succeed("--version"), `gradus ${version}`);
});

Deno.test("a command is required", async () => {
  await fail(2, [], "a command is required");
  await fail(2, ["--latex"], "a command is required");
});

Deno.test("an unknown command is refused, with the one that may be meant", async () => {
  await fail(2, ["shwo", "lion"], "there is no command `shwo`; did you mean `show`?");
  await fail(2, ["Export", "lion"], "there is no command `Export`; did you mean `export`?");
  await fail(2, ["frobnicate"], "there is no command `frobnicate`");
});

for (const name of ["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"]) {
  Deno.test(`${name}, which objects inherit, is no command`, async () => {
    await fail(2, [name, "lion"], `there is no command \`${name}\``);
    await fail(2, [name], `there is no command \`${name}\``);
  });
}

Deno.test("an optimizer is required, and only one", async () => {
  for (const command of ["show", "check", "export"]) {
    await fail(2, [command], `\`${command}\` needs an optimizer`);
    await fail(2, [command, "lion", "adamw", "sgd"], "`adamw` is one argument too many");
    await fail(2, [command], `Try \`gradus help ${command}\`.`);
  }
});

Deno.test("an unknown option is refused, and one without its value", async () => {
  const near = "`show` has no option `--latx`; did you mean `--latex`?";
  await fail(2, ["show", "lion", "--latx"], near, "Try `gradus help show`.");
  await fail(2, ["list", "--latex"], "`list` has no option `--latex`");
  await fail(2, ["show", "lion", "--__proto__"], "`show` has no option `--__proto__`");
  await fail(2, ["show", "lion", "--set", "--latex"], "`--set` needs a value: given `--latex`");
  await fail(2, ["show", "lion", "-q"], "-q");
  for (const option of ["--params", "--set", "--input", "--output", "-o"]) {
    await fail(2, ["export", "lion", option], option);
  }
  await fail(2, ["show", "lion", "--latex=yes"], "--latex");
});

for (const name of BUILT_IN) {
  const { program } = zoo[name];

  Deno.test(`show ${name} prints a document that reads back as the program`, async () => {
    assert(parseYaml(await succeed("show", name)) === program);
    const json = await succeed("show", name, "--json");
    assertEquals(json, printJson(program));
    assert(parseJson(json) === program);
  });

  Deno.test(`show ${name} --latex prints its equations`, async () => {
    assertEquals(await succeed("show", name, "--latex"), latex(program));
  });

  Deno.test(`show ${name} --explain prints every stage`, async () => {
    const text = await succeed("show", name, "--explain");
    const headings = text.split("\n").filter((line) => line.startsWith("#"));
    const stages = ["parse", ...STAGES.map((stage) => stage.name), "render"];
    assertEquals(headings, [`# ${name}`, ...stages.map((stage) => `## ${stage}`)]);
    // Loops over axes, and those around products of matrices, may be left to JavaScript.
    const isNarrow = [...program.state.values()].some(({ over }) => isAxes(over)) ||
      /@|axis=/.test(printProgram(program).step);
    assert(isNarrow || text.includes("(module"));
    assert(
      /^state \d+ bytes, arithmetic \d+ operations, moved \d+ bytes per parameter$/m.test(text),
    );
  });
}

Deno.test("a built-in optimizer is explained as the library explains it", async () => {
  const ours = String(explain(sgd({ learningRate: 0.5, momentum: 0.9 })));
  const args = ["--set", "learningRate=0.5", "--set", "momentum=0.9"];
  assertEquals(await succeed("show", "sgd", "--explain", ...args), ours);
});

Deno.test("a file is shown as what it holds, by its ending", async () => {
  assert(parseYaml(await succeed("show", EXAMPLE)) === lion.program);
  assertEquals(await succeed("show", EXAMPLE, "--latex"), latex(lion.program));
  for (const name of ["lion.json", "lion.yaml", "lion.yml", "lion"]) {
    await withFile(name, printJson(lion.program), async (path) => {
      assert(parseJson(await succeed("show", path, "--json")) === lion.program, name);
    });
  }
});

Deno.test("values set show in what is explained, the last of one name", async () => {
  const operations = async (...settings: string[]) => {
    const args = settings.flatMap((setting) => ["--set", setting]);
    const text = await succeed("show", "lion", "--explain", ...args);
    return Number(/arithmetic (\d+) operations/.exec(text)![1]);
  };
  assertEquals(await operations(), 11);
  assertEquals(await operations("weightDecay=0"), 9);
  assertEquals(await operations("weightDecay=0.5", "learningRate=0.1"), 11);
  assertEquals(await operations(" weightDecay = 0 "), 9);
  assertEquals(await operations("weightDecay=0.5", "weightDecay=0"), 9);
  assertEquals(await operations("weightDecay=0", "weightDecay=0.1*0.5^count"), 11);
});

Deno.test("an unknown optimizer is refused, with the one that may be meant", async () => {
  for (const command of ["show", "export"]) {
    const args = [command, "loin", ...(command === "export" ? ["--params", "w:2"] : [])];
    await fail(1, args, "Cannot read `loin`", "neither a built-in optimizer nor a file", "`lion`?");
  }
  await fail(
    1,
    ["check", "lion"],
    "Cannot read `lion`: it must be a file: given a built-in optimizer",
  );
  await fail(
    1,
    ["show", "lookahead"],
    "it must be an optimizer: given a wrapper, which is for use in",
  );
  await fail(1, ["race", "linearSchedule"], "it must be an optimizer: given a schedule");
  for (const name of ["toString", "__proto__", "default", "factory"]) {
    await fail(1, ["show", name], `Cannot read \`${name}\``);
  }
});

Deno.test("what cannot be read is refused by its path", async () => {
  const folder = await Deno.makeTempDir();
  await fail(1, ["show", folder], `Cannot read \`${folder}\``);
  await fail(1, ["check", `${folder}/none.yaml`], `Cannot read \`${folder}/none.yaml\``);
  await Deno.remove(folder);
});

Deno.test("a file that is no YAML is refused with the place", async () => {
  const text = "name: broken\nhyper:\n  a: [1, 2\nstep: u = g\n";
  await withFile("broken.yaml", text, async (path) => {
    for (const args of [["show", path], ["check", path], ["export", path, "--params", "w:2"]]) {
      const message = await fail(1, args, "Cannot read a program from YAML", "line 4");
      assert(/^ *\^$/m.test(message), message);
      assert(!message.includes("    at "), "no stack of calls");
    }
  });
});

Deno.test("a file that is no JSON is refused with what is unexpected", async () => {
  await withFile("broken.json", '{"name": "broken",\n "step": }', async (path) => {
    await fail(1, ["check", path], "Cannot read a program from JSON: Unexpected token '}'");
  });
});

Deno.test("a file whose program is wrong is refused with line, column and caret", async () => {
  const text = `name: wrong\nhyper: {rate: 0.1}\nstep: |\n  c = 2*g\n  u = -rte*c\n`;
  await withFile("wrong.yaml", text, async (path) => {
    await fail(
      1,
      ["check", path],
      'Cannot read optimizer "wrong": there is no symbol `rte`; did you mean `rate`?',
      "at line 5, column 8\n  |   u = -rte*c\n  |        ^^^",
    );
  });
});

Deno.test("files that hold something else are refused", async () => {
  const texts = ["", "3", "[]", "null", "name: x", "just some words", "a: &a [*a]"];
  for (const text of texts) {
    await withFile("other.yaml", text, async (path) => {
      await fail(1, ["check", path], "Cannot read");
    });
  }
  await withFile("bytes.yaml", Uint8Array.of(0xff, 0xfe, 0, 0x80), async (path) => {
    await fail(1, ["check", path], "Cannot read");
  });
  await withFile("large.yaml", `# ${"x".repeat(1_000_001)}`, async (path) => {
    await fail(1, ["check", path], "at most 1000000 characters");
  });
});

Deno.test("check says of a right file what it keeps and what it costs", async () => {
  assertEquals(
    await succeed("check", EXAMPLE),
    `${EXAMPLE}: "lion" is an optimizer: 4 bytes of state and 11 operations per parameter`,
  );
  for (const name of BUILT_IN) {
    await withFile(`${name}.json`, printJson(zoo[name].program), async (path) => {
      assertStringIncludes(await succeed("check", path), `"${name}" is an optimizer`);
    });
  }
});

Deno.test("check warns of a state that nothing reads", async () => {
  const text = "name: slip\nstate: {m: 0, v: 0}\nstep: u = m; m = g + v; v = 2*v\n";
  await withFile("slip.yaml", text, async (path) => {
    assertEquals((await succeed("check", path)).split("\n").length, 1);
  });
  await withFile("slip.yaml", text.replace("g + v", "g"), async (path) => {
    const [, warning] = (await succeed("check", path)).split("\n");
    assertStringIncludes(warning, `${path}: warning: state \`v\` is only kept to be looked at`);
  });
});

Deno.test("check takes a right program for parameters of any rank", async () => {
  const texts = ["u = g - mean(g, axis=0)", "u = g/norm(g, axis=(0, 2))", "u = g*max(g, axis=-3)"];
  for (const step of texts) {
    await withFile("axes.json", JSON.stringify({ name: "axes", step }), async (path) => {
      assertStringIncludes(await succeed("check", path), '"axes" is an optimizer');
    });
  }
});

Deno.test("a value that is set must be one of the program's, and fit", async () => {
  const set = (name: string, value: string) => ["show", name, "--explain", "--set", value];
  await fail(1, set("lion", "learningrate=1"), "`learningrate`", "did you mean `learningRate`?");
  await fail(1, set("lion", "toString=1"), "there is no option `toString`");
  await fail(1, set("lion", "lr=1"), "there is no option `lr`; did you mean `learningRate`?");
  await fail(1, set("lion", "learningRate=abc"), "`abc`", "at line 1, column 1", "^^^");
  await fail(1, set("lion", "learningRate=1 +"), "Cannot read a schedule", "^");
  await fail(1, set("lion", "learningRate=norm(count)"), "Cannot read a schedule");
  await fail(1, set("lion", "learningRate=true"), "`learningRate` must be a number");
  await fail(1, set("sgd", "nesterov=1"), "`nesterov` must be true or false: given 1");
  await fail(1, set("sgd", "weightDecay=1"), "there is no option `weightDecay`");
  await succeed(...set("sgd", "nesterov=true"));
  await succeed(...set("sgd", "learningRate=inf"));
});

Deno.test("what is not a number is no value to set, as in the library", async () => {
  await fail(1, ["show", "lion", "--explain", "--set", "learningRate=nan"], "`learningRate`");
});

Deno.test("the name of the prototype is no option to set", async () => {
  await fail(1, ["show", "lion", "--explain", "--set", "__proto__=1"], "no option `__proto__`");
});

Deno.test("a value that is set must have a name and a value", async () => {
  for (const setting of ["learningRate", "=1", "learningRate=", " =1", "learningRate= ", ""]) {
    await fail(2, ["show", "lion", "--explain", "--set", setting], "NAME=VALUE", setting);
  }
});

const decoder = new TextDecoder();

async function gradus(args: readonly string[], cwd?: string): Promise<Result> {
  const script = new URL("../cli.ts", import.meta.url).href;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", config, script, ...args],
    cwd,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("as a command of its own it prints to the output and ends with 0", async () => {
  assertEquals(await gradus(["show", "lion", "--latex"]), {
    code: 0,
    out: `${latex(lion.program)}\n`,
    error: "",
  });
});

Deno.test("as a command of its own it complains to the error output and ends with 1 or 2", async () => {
  const unknown = await gradus(["show", "loin"]);
  assertEquals([unknown.code, unknown.out], [1, ""]);
  assert(unknown.error.startsWith("gradus: Cannot read `loin`"), unknown.error);
  assert(!unknown.error.includes("    at "), "no stack of calls");
  const usage = await gradus(["shwo"]);
  assertEquals([usage.code, usage.out], [2, ""]);
  assert(usage.error.endsWith("did you mean `show`?\nTry `gradus help`.\n"), usage.error);
});

Deno.test("an export without a name for its file is written where the command runs", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { code, out } = await gradus(["export", "sgd", "--params", "w:2x3"], folder);
    const files = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assertEquals([code, files], [0, ["sgd.onnx"]]);
    const { size } = await Deno.stat(`${folder}/sgd.onnx`);
    assertEquals(out.split("\n")[0], `sgd.onnx: one step of "sgd", ${size} bytes`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
