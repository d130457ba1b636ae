/** Runs the tests of the group "export_files", which `together.ts` describes. */
import { together } from "../together.ts";

await together("export_files");
