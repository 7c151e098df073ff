/**
 * Keys that nobody may sign with, put into the registry by SQL and past every check of our own code, as whoever
 * holds `service_role` could try.
 */
import assert from "node:assert/strict";
import { KEY_ATTACKS } from "@countersign/fixture/attacks";
import { keyFor, TokenForge, until } from "@countersign/fixture";
import { passes, refuses, type Stage } from "@countersign/fixture/stage";
import type { Algorithm } from "@countersign/signer";

/** The database judges a key's form. What takes arithmetic with its numbers is the verifier's to refuse. */
const TAKEN_BY_DATABASE: ReadonlySet<string> = new Set([
  "an RSA key of a broken generator",
  "a point beside its curve",
  "a coordinate that is right but for the prime",
  "a coordinate beyond the prime",
  "the Ed25519 identity",
  "the Ed25519 identity with a sign",
  "the Ed25519 identity in a lenient spelling",
  "an Ed25519 point of order 2",
  "an Ed25519 point of order 4",
  "an Ed25519 point of order 8",
  "another Ed25519 point of order 8",
]);

/**
 * R is Ed25519's neutral point and S is 0: under a key of that point it holds for every message (RFC 8032
 * §5.1.7: 0·B = R + h·A).
 */
const UNIVERSAL_SIGNATURE = Uint8Array.of(1, ...new Uint8Array(63));

export async function plantKeys(t: Deno.TestContext, stage: Stage): Promise<void> {
  const { sql } = stage;
  await sql`
    insert into public.jwt_issuers (issuer, allowed_roles) values ('planted', '{widgets_writer}')`;
  const plant = async (publicKey: string, algorithm: string): Promise<string> => {
    const [row] = await sql<{ kid: string }[]>`
      insert into public.jwt_public_keys (issuer, public_key, algorithm)
      values ('planted', ${publicKey}, ${algorithm}) returning kid`;
    return row!.kid;
  };

  const taken: { name: string; kid: string; algorithm: Algorithm }[] = [];
  for (const [name, { attack, twin, algorithm }] of Object.entries(KEY_ATTACKS)) {
    await t.step(`${name}, into the database`, async () => {
      await plantAndUndo(stage, twin, algorithm);
      const planted = plant(attack, algorithm);
      if (TAKEN_BY_DATABASE.has(name)) taken.push({ name, kid: await planted, algorithm });
      else await assert.rejects(planted, { code: "23514" });
    });
  }

  const material = await keyFor("planted");
  await plant(material.publicKey, material.algorithm);
  const forge = new TokenForge(material, { sub: "press-1", role: "widgets_writer" });
  await until("the proxy knows the keys", async () => {
    const { status } = await stage.send({ token: forge.token() });
    return status === 201;
  });
  for (const { name, kid, algorithm } of taken) {
    await t.step(`${name}, signed with`, async () => {
      const header = { alg: algorithm, kid };
      for (const signature of [UNIVERSAL_SIGNATURE, new Uint8Array(256).fill(1, -1)]) {
        const token = forge.token({ header, signature: () => signature });
        await refuses(stage, "unusable_key", { token });
      }
      await passes(stage, { token: forge.token() });
    });
  }
}

/** The twin can be planted, and is not to stay. */
async function plantAndUndo({ sql }: Stage, publicKey: string, algorithm: Algorithm) {
  const undone = new Error("undone");
  await assert.rejects(
    sql.begin(async (transaction) => {
      await transaction`
        insert into public.jwt_public_keys (issuer, public_key, algorithm)
        values ('planted', ${publicKey}, ${algorithm})`;
      throw undone;
    }),
    undone,
  );
}
