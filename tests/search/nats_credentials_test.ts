/** Who may use a NATS server: tokens, certificates and files of credentials, and what is said of wrong ones. */
import { nkeys } from "@nats-io/transport-node";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import { natsCheckpoint, natsScorer } from "../../search/nats/mod.ts";
import type { NatsOptions } from "../../search/nats/options.ts";
import { has, natsTest, TestServer } from "./nats_server.ts";

type Given = Partial<NatsOptions>;

/** Runs with a server of a configuration, in a folder where more may be written. */
async function withServer(
  configured: (folder: string) => Promise<string> | string,
  run: (servers: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const config = `${folder}/server.conf`;
  await Deno.writeTextFile(config, await configured(folder));
  const server = await new TestServer({ args: ["-c", config] }).start();
  try {
    await run(server.servers, folder);
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is kept by some credentials is there, and others are refused with what must be said. */
async function tried(
  servers: string,
  right: Given,
  wrong: readonly (readonly [given: Given, say: string])[],
): Promise<void> {
  const store = await natsCheckpoint({ servers, ...right, run: "a" });
  await store.save("text");
  assertEquals(await store.load(), "text");
  await store.close();
  for (const [given, say] of wrong) {
    const { message } = await assertRejects(() => natsScorer({ servers, ...given }), GradusError);
    assert(message.startsWith("Cannot connect to the NATS server `nats://127.0.0.1:"), message);
    assertStringIncludes(message, say);
    assert(!/secret|SU[A-Z2-7]{20}/.test(message), message);
  }
}

await natsTest("a server may ask for a token", async () => {
  await withServer(() => 'authorization { token: "secret-token" }', async (servers) => {
    const ask = "it asks for a user, token or credentials that it knows";
    await tried(servers, { token: "secret-token" }, [
      [{}, ask],
      [{ token: "secret-other" }, ask],
      [{ user: "anna", pass: "secret-token" }, ask],
    ]);
  });
});

/** A key and a certificate that an authority signed, or its own where there is none. */
async function certified(folder: string, name: string, by?: string): Promise<void> {
  const openssl = (...args: string[]) => has("openssl", ...args);
  const path = `${folder}/${name}`;
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const own = ["-keyout", `${path}.key`, "-subj", `/CN=${name}`];
  if (by === undefined) {
    assert(await openssl("req", "-x509", ...key, ...own, "-days", "2", "-out", `${path}.pem`));
    return;
  }
  await Deno.writeTextFile(`${path}.ext`, "subjectAltName=IP:127.0.0.1");
  const authority = ["-CA", `${folder}/${by}.pem`, "-CAkey", `${folder}/${by}.key`];
  assert(
    await openssl("req", ...key, ...own, "-out", `${path}.csr`) &&
      await openssl(
        ...["x509", "-req", "-in", `${path}.csr`, ...authority, "-CAcreateserial", "-days", "2"],
        ...["-extfile", `${path}.ext`, "-out", `${path}.pem`],
      ),
  );
}

await natsTest("a server may be who a certificate says, and ask for one", async () => {
  await withServer(async (folder) => {
    await certified(folder, "authority");
    await certified(folder, "stranger");
    await certified(folder, "server", "authority");
    await certified(folder, "client", "authority");
    await certified(folder, "forged", "stranger");
    return `tls {
      cert_file: "${folder}/server.pem"
      key_file: "${folder}/server.key"
      ca_file: "${folder}/authority.pem"
      verify: true
    }`;
  }, async (servers, folder) => {
    const tls = (authority: string, own?: string): Given => ({
      tls: {
        caFile: `${folder}/${authority}.pem`,
        ...(own !== undefined &&
          { certFile: `${folder}/${own}.pem`, keyFile: `${folder}/${own}.key` }),
      },
    });
    await tried(servers, tls("authority", "client"), [
      [{}, "NATS_CA"],
      [tls("stranger", "client"), "NATS_CA"],
      [tls("authority"), "NATS_CERT"],
      [tls("authority", "forged"), "NATS_CERT"],
      [tls("none", "client"), "`tls.caFile`, for `gradus` the variable NATS_CA"],
      [tls("authority", "none"), "`tls.certFile`, for `gradus` the variable NATS_CERT"],
      [
        { tls: { caFile: `${folder}/server.conf` } },
        "must be the path of a file of certificates in PEM",
      ],
    ]);
  });
});

const letters = (data: Uint8Array | string): string =>
  btoa(typeof data === "string" ? data : String.fromCharCode(...data))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

type Keys = ReturnType<typeof nkeys.createUser>;

/** A token that says something of a key, signed by another. */
function signed(subject: Keys, issuer: Keys, name: string, nats: object): string {
  const claims = {
    ...{ jti: name, iat: Math.floor(Date.now() / 1000), iss: issuer.getPublicKey(), name },
    ...{ sub: subject.getPublicKey(), nats: { version: 2, ...nats } },
  };
  const text = [{ typ: "JWT", alg: "ed25519-nkey" }, claims].map((part) =>
    letters(JSON.stringify(part))
  ).join(".");
  return `${text}.${letters(issuer.sign(new TextEncoder().encode(text)))}`;
}

function credentials(token: string, keys: Keys): string {
  const seed = new TextDecoder().decode(keys.getSeed());
  return `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
}

await natsTest("a server may ask for a file of credentials", async () => {
  const operator = nkeys.createOperator();
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  const [user, other] = [nkeys.createUser(), nkeys.createUser()];
  const all = { subs: -1, data: -1, payload: -1, conn: -1, imports: -1, exports: -1, leaf: -1 };
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  await withServer(async (folder) => {
    const accounts = [
      [
        account,
        signed(account, operator, "work", { type: "account", limits: { ...all, ...storage } }),
      ],
      [system, signed(system, operator, "system", { type: "account", limits: all })],
    ] as const;
    const token = signed(user, account, "worker", {
      type: "user",
      subs: -1,
      data: -1,
      payload: -1,
    });
    await Deno.writeTextFile(`${folder}/worker.creds`, credentials(token, user));
    // The token of one, and the seed of another.
    await Deno.writeTextFile(`${folder}/forged.creds`, credentials(token, other));
    await Deno.writeTextFile(`${folder}/empty.creds`, "nothing");
    const preloaded = accounts.map(([keys, text]) => `${keys.getPublicKey()}: ${text}`);
    return `operator: ${signed(operator, operator, "operator", { type: "operator" })}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${preloaded.join(", ")} }`;
  }, async (servers, folder) => {
    const ask = "NATS_CREDS";
    await tried(servers, { creds: `${folder}/worker.creds` }, [
      [{}, ask],
      [{ creds: `${folder}/forged.creds` }, ask],
      [{ creds: `${folder}/empty.creds` }, "must be the path of a file of credentials"],
      [{ creds: `${folder}/none.creds` }, "must be the path of a file of credentials"],
      [{ token: "secret-token" }, ask],
    ]);
  });
});
