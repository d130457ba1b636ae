/** Runs the tests of the group "export", which `together.ts` describes. */
import { together } from "../together.ts";

await together("export");
