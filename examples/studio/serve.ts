/** `deno task studio` serves the page; `deno task studio --build FOLDER` writes its files for any static host. */
import { parseArgs } from "node:util";
import { serveSite, type Site } from "../site.ts";
import { site } from "./site.ts";

/** Writes the files of a site into a folder. */
async function write(files: Site, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/${name}`, bytes);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { build: { type: "string" }, port: { type: "string", default: "8000" } },
  });
  const files = await site();
  if (values.build === undefined) {
    console.log(`Open ${serveSite(files, Number(values.port)).address} in a browser.`);
  } else {
    await write(files, values.build);
    console.log(`${values.build}: ${files.size} files, for any static host`);
  }
}
