/** The model that `gradus train` is given, with the files beside it that have its weights. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { digestOf } from "../../dsl/digest.ts";
import { locationsOf, type ModelSource } from "../../export/train/read.ts";
import { readBytes, within } from "../files.ts";

/** A model, and a text that tells it from others. */
export interface ReadModel {
  readonly source: ModelSource;
  readonly digest: string;
}

/** Reads a model; weights outside of it must lie in its folder. */
export async function readModel(path: string): Promise<ReadModel> {
  const model = await readBytes(path);
  const locations = within(path, () => locationsOf(model, "Cannot train the model"));
  const folder = path.slice(0, path.search(/[^/\\]*$/));
  const data: [string, Uint8Array][] = [];
  for (const location of locations) {
    if (/[/\\]|^\.\.?$|^$/.test(location)) {
      throw new GradusError(
        `Cannot read the weights of \`${path}\`: they must lie beside it: given ${
          quoted(location)
        }`,
      );
    }
    data.push([location, await readBytes(folder + location)]);
  }
  const digest = [model, ...data.map(([, bytes]) => bytes)].map(digestOf).join();
  const source = data.length === 0 ? model : { model, data: Object.fromEntries(data) };
  return { source, digest };
}
