/** Runs the tests of the group "export_train", which `together.ts` describes. */
import { together } from "../together.ts";

await together("export_train");
