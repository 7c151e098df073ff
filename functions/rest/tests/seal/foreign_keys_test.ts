/**
 * What a key that PostgREST trusts beside the proxy's can do with the guard on: nothing in the name of
 * an issuer. Each attack has a twin that differs only in the attack and passes.
 */
import { newName } from "@countersign/fixture";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { type Claims, SealStage } from "./seal_stage.ts";

/** The mark of claims that the proxy made. */
interface Mark {
  readonly kid: string;
  readonly iat: number;
  readonly seal: string;
}

const markOf = (claims: Claims) => claims["countersign"] as Mark;
const withMark = (claims: Claims, change: object): Claims => ({
  ...claims,
  countersign: { ...markOf(claims), ...change },
});
const withSeal = (claims: Claims, change: (keyId: string, mac: string) => unknown): Claims => {
  const [keyId = "", mac = ""] = markOf(claims).seal.split(".");
  return withMark(claims, { seal: change(keyId, mac) });
};
const random = () => randomBytes(32).toString("base64url");

/** What else the attacker has seen. */
interface Loot {
  /** Sealed for another issuer. */
  readonly ofAnother: Claims;
  /** Sealed for the same issuer, with another subject. */
  readonly ofTheSame: Claims;
}

type Attack = (honest: Claims, loot: Loot) => Claims | string;

const ATTACKS: Readonly<Record<string, Attack>> = {
  "the public kid alone": (c) => ({ ...c, countersign: { kid: markOf(c).kid } }),
  "a mark without a seal": (c) => withMark(c, { seal: undefined }),
  "no mark": ({ countersign: _, ...c }) => c,
  "another issuer's seal": (c, { ofAnother }) => withMark(c, { seal: markOf(ofAnother).seal }),
  "another issuer's mark": (c, { ofAnother }) => withMark(c, markOf(ofAnother)),
  "another token's seal": (c, { ofTheSame }) => withMark(c, { seal: markOf(ofTheSame).seal }),
  "another issuer's name": (c) => ({ ...c, iss: "crm" }),
  "another role": (c) => ({ ...c, role: "invoices_writer" }),
  "another subject": (c) => ({ ...c, sub: "press-2" }),
  "a longer life": (c) => ({ ...c, exp: Number(c["exp"]) + 1 }),
  "a later issue": (c) => withMark(c, { iat: markOf(c).iat + 1 }),
  "another issuer's kid": (c, { ofAnother }) => withMark(c, { kid: markOf(ofAnother).kid }),
  "a claim added": (c) => ({ ...c, app_metadata: { admin: true } }),
  "a claim added to the mark": (c) => withMark(c, { rule: "any" }),
  "a claim dropped": ({ sub: _, ...c }) => c,
  "a random seal of the right length": (c) => withSeal(c, (id) => `${id}.${random()}`),
  "a key that does not exist": (c) => withSeal(c, (_, mac) => `000000000000.${mac}`),
  "no key": (c) => withSeal(c, (_, mac) => `.${mac}`),
  "the key's id in another spelling": (c) => withSeal(c, (id, mac) => `${id.toUpperCase()}.${mac}`),
  "a seal without its key": (c) => withSeal(c, (_, mac) => mac),
  "an empty seal": (c) => withSeal(c, () => ""),
  "an empty MAC": (c) => withSeal(c, (id) => `${id}.`),
  "half a MAC": (c) => withSeal(c, (id, mac) => `${id}.${mac.slice(0, 21)}`),
  "a MAC with padding": (c) => withSeal(c, (id, mac) => `${id}.${mac}=`),
  "a MAC in hex": (c) =>
    withSeal(c, (id, mac) => `${id}.${Buffer.from(mac, "base64url").toString("hex")}`),
  "a MAC with other trailing bits": (c) =>
    withSeal(c, (id, mac) => `${id}.${mac.slice(0, -1)}${otherTrailingBits(mac)}`),
  "a seal with a line break": (c) => withSeal(c, (id, mac) => `${id}.${mac}\n`),
  "a second seal": (c) => withSeal(c, (id, mac) => `${id}.${mac}.${mac}`),
  "a seal in a list": (c) => withSeal(c, (id, mac) => [`${id}.${mac}`]),
  "a seal in an object": (c) => withSeal(c, (id, mac) => ({ [id]: mac })),
  "null for a seal": (c) => withSeal(c, () => null),
  "true for a seal": (c) => withSeal(c, () => true),
  "a number for a seal": (c) => withSeal(c, () => 1),
  "null for a mark": (c) => ({ ...c, countersign: null }),
  "a list for a mark": (c) => ({ ...c, countersign: [markOf(c)] }),
  "text for a mark": (c) => ({ ...c, countersign: JSON.stringify(markOf(c)) }),
  "an empty mark": (c) => ({ ...c, countersign: {} }),
  // First and last: whichever of them a reader believes, it is not the sealed one.
  "the issuer three times": (c) => around(c, '"iss":"crm"'),
  "the mark three times": (c) =>
    around(c, `"countersign":${JSON.stringify({ ...markOf(c), seal: undefined })}`),
};

function around(claims: Claims, member: string): string {
  return `{${member},${JSON.stringify(claims).slice(1, -1)},${member}}`;
}

/** The last of 43 characters stands for 4 bits; three other characters stand for the same. */
function otherTrailingBits(mac: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(mac.slice(-1)) ^ 1] ?? "";
}

Deno.test("a foreign key that PostgREST trusts makes nothing that counts as countersigned", async (t) => {
  await using stage = await SealStage.open();
  const tenant = { share: 0.05, name: "é🔑" };
  const loot: Loot = {
    ofAnother: await stage.sealedClaims(stage.crm),
    ofTheSame: await stage.sealedClaims(stage.billing, { sub: "press-9" }),
  };
  const forged: string[] = [];

  for (const foreigner of stage.foreigners) {
    await t.step(`${foreigner.name} key`, async (t) => {
      for (const [name, attack] of Object.entries(ATTACKS)) {
        await t.step(name, async () => {
          const honest = await stage.sealedClaims(stage.billing, { tenant });
          const payload = attack(honest, loot);
          const token = foreigner.sign(
            typeof payload === "string" ? payload : JSON.stringify(payload),
          );
          const row = newName();
          forged.push(row);
          for (const verdict of [await stage.whoami(token), await stage.write(token, row)]) {
            assert.deepEqual([verdict.status, verdict.code], [401, "token_refused"]);
          }
          // The twin: the very claims that the proxy made. Signing them again changes nothing.
          assert.equal((await stage.whoami(foreigner.sign(JSON.stringify(honest)))).status, 200);
        });
      }

      await t.step("what it signs in its own name is no issuer's", async () => {
        const { exp, role } = await stage.sealedClaims(stage.billing);
        const own = { iss: "https://third.example", sub: "user", role, exp };
        const verdict = await stage.whoami(foreigner.sign(JSON.stringify(own)));
        assert.equal(verdict.status, 200);
        assert.deepEqual(verdict.body, { user: "widgets_writer", claims: null });
        assert.equal((await stage.write(foreigner.sign(JSON.stringify(own)))).status, 403);
      });
    });
  }

  await t.step("an old key's seal is good for the overlap, and for nothing after it", async () => {
    const old = await stage.sealedClaims(stage.billing);
    const [foreigner] = stage.foreigners;
    const token = foreigner?.sign(JSON.stringify(old)) ?? "";
    await stage.sql`select countersign.rotate_seal('1 hour')`;
    assert.equal((await stage.whoami(token)).status, 200);
    await stage.sql`select countersign.rotate_seal('0')`;
    assert.deepEqual((await stage.whoami(token)).code, "token_refused");
    assert.equal((await stage.write(token)).status, 401);
  });

  await t.step("no forged token wrote a row", async () => {
    const rows = await stage.sql`select name from public.widgets where name = any (${forged})`;
    assert.deepEqual([...rows], []);
  });

  await t.step(
    "without the guard a mark is believed, and is_live() still is not fooled",
    async () => {
      await stage.sql`select countersign.guard_disable()`;
      await stage.target.postgrest.restart();
      const [foreigner] = stage.foreigners;
      const unsealed = JSON.stringify(
        withMark(await stage.sealedClaims(stage.billing), { seal: undefined }),
      );
      const { body } = await stage.whoami(foreigner?.sign(unsealed) ?? "");
      assert.equal((body as { claims: Claims }).claims["iss"], "billing");
      const live = (claims: string) =>
        stage.sql.begin(async (sql) => {
          await sql`select set_config('request.jwt.claims', ${claims}, true)`;
          const [row] = await sql`select countersign.is_live() as live`;
          return row?.["live"];
        });
      assert.equal(await live(unsealed), false);
      assert.equal(await live(JSON.stringify(await stage.sealedClaims(stage.billing))), true);
    },
  );
});
