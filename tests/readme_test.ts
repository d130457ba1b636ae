/** The README's snippets that are not in TypeScript: those run in `together/documents_test.ts`. */
import { main } from "../cli.ts";
import { assert, assertEquals } from "./assert.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));

function snippets(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms");
  return Array.from(readme.matchAll(fence), ([, text]) => text);
}

Deno.test("every command of the README does what it says", async () => {
  const commands = snippets("sh").join("").split("\n").filter((line) => line.startsWith("gradus "));
  assertEquals(commands.length, 7);
  assert(readme.split("\n").length < 250, "the README is short");
  await Deno.mkdir("out", { recursive: true });
  for (const command of commands) {
    const lines: string[] = [];
    const print = (line: string) => lines.push(line);
    // A short search says as much.
    const args = command.replace("--trained 500", "--trained 30").split(" ").slice(1);
    assertEquals(await main(args, print, print), 0, lines.join("\n"));
    assert(lines.length > 0);
  }
});

Deno.test("the set-up of the README names tasks that exist", async () => {
  const manifest = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  const tasks = Array.from(
    readme.matchAll(/^npx -y deno@2\.9\.6 task (\w+)/gm),
    ([, task]) => task,
  );
  assertEquals(tasks, ["demo", "test"]);
  for (const task of [...tasks, "ok", "bench"]) assert(task in manifest.tasks, task);
});
