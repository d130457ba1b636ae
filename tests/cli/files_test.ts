/** Files that the command is given: what cannot be read or written is said with its path, and changes nothing. */
import { main } from "../../cli.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: string[][] = [[], []];
  const code = await main(args, (line) => out.push(line), (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

const NOISE = Uint8Array.from({ length: 3000 }, (_, i) => i * 2_654_435_761 >>> 24);

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Files that are none of what a command may be given, all with an end. */
async function hostileFiles(folder: string, end: string): Promise<string[]> {
  const contents: Record<string, Uint8Array | string> = {
    empty: "",
    noise: NOISE,
    zeros: new Uint8Array(1000),
    "not UTF-8": Uint8Array.of(0xff, 0xfe, 0x6e),
    text: "hello",
    list: "[1, 2]",
    open: "{",
    large: "x".repeat(2_000_000),
  };
  for (const [name, content] of Object.entries(contents)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${name}${end}`, bytes);
  }
  await Deno.mkdir(`${folder}/folder${end}`);
  return [...Object.keys(contents), "folder", "missing"].map((name) => `${folder}/${name}${end}`);
}

for (const end of [".yaml", ".json"]) {
  Deno.test(`a file *${end} that is no program is refused by its path, whatever is in it`, async () => {
    await inFolder(async (folder) => {
      for (const path of await hostileFiles(folder, end)) {
        for (const command of ["check", "show", "derive"]) {
          const { code, out, error } = await run(command, path);
          assertEquals([code, out], [1, ""], path);
          assert(error.startsWith("gradus: ") && error.includes(`\`${path}\``), error);
          assert(!error.includes("\0") && error.length < 1000, error);
        }
      }
    });
  });
}

Deno.test("a file that is no model, or no module of tasks, is refused by its path", async () => {
  await inFolder(async (folder) => {
    const names = ["--params", "w", "--grads", "dw", "-o", `${folder}/out.onnx`];
    for (const path of await hostileFiles(folder, ".onnx")) {
      const { code, error } = await run("export", "signum", "--attach", path, ...names);
      assertEquals(code, 1, path);
      assertStringIncludes(error, `\`${path}\``);
    }
    await Deno.mkdir(`${folder}/tasks`);
    for (const path of await hostileFiles(`${folder}/tasks`, ".js")) {
      const { code, out, error } = await run("search", path);
      assertEquals([code, out], [1, ""], path);
      // Of a long path the beginning is shown.
      assertStringIncludes(error, `\`${path.slice(0, 60)}`);
      assert(error.length < 1000, error);
    }
    assertEquals(await Deno.stat(`${folder}/out.onnx`).catch(() => "none"), "none");
  });
});

Deno.test("what cannot be written is an error with its path, and leaves nothing beside", async () => {
  await inFolder(async (folder) => {
    for (const place of [`${folder}/missing/file.html`, `${folder}/folder.html`]) {
      if (place.includes("folder.html")) await Deno.mkdir(place);
      for (const args of [["export", "signum", "--params", "w:3"], ["derive", "signum"]]) {
        const { code, out, error } = await run(...args, "-o", place);
        assertEquals([code, out], [1, ""]);
        assertStringIncludes(error, `gradus: Cannot write \`${place}\`: `);
      }
    }
    assertEquals(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["folder.html"]);
  });
});
