/**
 * A project moves from the legacy secret to signing keys of its own, made by the real CLI. Real PostgREST trusts all of them
 * meanwhile; the platform replaces the function's workers, so old and new ones run side by side.
 */
import { startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import assert from "node:assert/strict";
import { ownProcess } from "../hosts.ts";
import { SCHEMA } from "../stage_schema.ts";
import { until } from "../until.ts";
import { UpstreamTap } from "../upstream_tap.ts";
import { supabase } from "./supabase_cli.ts";

type SigningKey = JsonWebKey & { readonly kid: string };

async function generateSigningKey(algorithm: "ES256" | "RS256"): Promise<SigningKey> {
  // Anywhere but in a project: there the CLI would offer to write the key into its files.
  const folder = await Deno.makeTempDir();
  try {
    return JSON.parse(await supabase(folder, ["gen", "signing-key", "--algorithm", algorithm]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What may be shown to everybody: none of the private members (RFC 7518 §6.2.2, §6.3.2). */
function publicHalf({ kty, kid, alg, crv, x, y, n, e }: SigningKey): JsonWebKey {
  const members = { kty, kid, alg, crv, x, y, n, e, use: "sig", key_ops: ["verify"] };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

Deno.test("rotating the downstream key, from the legacy secret to ES256 and on to RS256", async (t) => {
  const [es256, rs256, stranger] = await Promise.all([
    generateSigningKey("ES256"),
    generateSigningKey("RS256"),
    generateSigningKey("ES256"),
  ]);
  await using running = new AsyncDisposableStack();
  // The target adds its own legacy secret to these, as an `oct` key.
  const jwtSecret = JSON.stringify({ keys: [publicHalf(es256), publicHalf(rs256)] });
  const target = running.use(
    await startLocalTarget({ function: false, sql: [SCHEMA], postgrest: { jwtSecret } }),
  );
  const upstream = running.use(new UpstreamTap(target.url));
  const issuer = await generateIssuerKeyPair({ algorithm: "ES256" });
  await registerPublicKey({
    databaseUrl: target.databaseUrl,
    issuer: "warehouse",
    publicKey: issuer.publicKey,
    algorithm: issuer.algorithm,
    roles: ["widgets_writer"],
  });
  const token = createTokenSource({
    privateKey: issuer.privateKey,
    issuer: "warehouse",
    audience: target.url,
    claims: { sub: "press-1", role: "widgets_writer" },
  });
  const startFunction = async (signing: Record<string, string>) =>
    running.use(
      await ownProcess.start({
        SUPABASE_URL: target.url,
        SUPABASE_DB_URL: target.databaseUrl,
        SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: target.publishableKey }),
        COUNTERSIGN_UPSTREAM_URL: `${upstream.url}/rest/v1`,
        ...signing,
      }),
    );
  const workerOf = async (key: SigningKey) =>
    await startFunction({ COUNTERSIGN_SIGNING_JWK: JSON.stringify(key) });
  const write = async (origin: string) => {
    const response = await fetch(`${origin}/rest/v1/widgets`, {
      method: "POST",
      body: JSON.stringify({ name: crypto.randomUUID() }),
      headers: { authorization: `Bearer ${await token()}`, "content-type": "application/json" },
    });
    return { status: response.status, text: await response.text() };
  };

  await t.step("a key that PostgREST does not know is an alarm, and not ready", async () => {
    const { origin, printed } = await workerOf(stranger);
    const { status, text } = await write(origin);
    assert.equal(status, 502);
    assert.equal(JSON.parse(text).code, "downstream_token_rejected");
    await until("the log has the alarm", () => printed().includes('"alarm":true'));
    const ready = await fetch(`${origin}/rest/-/readyz`);
    assert.equal(ready.status, 503, await ready.text());
  });

  await t.step("no request is refused while workers with the old and the new key run", async () => {
    const legacy = await startFunction({ COUNTERSIGN_JWT_SECRET: target.jwtSecret });
    let origins = [legacy.origin];
    let rotated = false;
    const answers = new Map<number, number>();
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let turn = writer; !rotated; turn++) {
        const { status } = await write(origins[turn % origins.length]!);
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
    });
    /** Waits until PostgREST has been asked with just these keys, each several times. */
    const seen = async (...expected: string[]) => {
      const from = upstream.asked.length;
      await until(`PostgREST sees ${expected.join(" and ")}`, () => {
        const counts = new Map(expected.map((key) => [key, 0]));
        for (const { headers } of upstream.asked.slice(from)) {
          const key = keyOf(headers);
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        return expected.every((key) => counts.get(key)! >= 10);
      });
    };
    try {
      await seen("HS256");
      const first = await workerOf(es256);
      origins = [legacy.origin, first.origin];
      await seen("HS256", `ES256 ${es256.kid}`);
      origins = [first.origin];
      await seen(`ES256 ${es256.kid}`);
      const second = await workerOf(rs256);
      origins = [first.origin, second.origin];
      await seen(`ES256 ${es256.kid}`, `RS256 ${rs256.kid}`);
      origins = [second.origin];
      await seen(`RS256 ${rs256.kid}`);
    } finally {
      rotated = true;
      await Promise.all(writers);
    }
    assert.deepEqual([...answers.keys()], [201]);
  });
});

/** The `alg`, and the `kid` if there is one, of the token that PostgREST was sent. */
function keyOf(headers: Headers): string {
  const [header = ""] = (headers.get("authorization") ?? "").replace("Bearer ", "").split(".");
  const { alg, kid } = JSON.parse(atob(header.replaceAll("-", "+").replaceAll("_", "/")));
  return kid === undefined ? alg : `${alg} ${kid}`;
}
