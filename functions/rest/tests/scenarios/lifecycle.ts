import assert from "node:assert/strict";
import { registerPublicKey, rotateKey } from "@countersign/registry-admin";
import { keyFor, newName, TokenForge, until } from "@countersign/fixture";
import { passes, refuses, type Stage } from "@countersign/fixture/stage";
import type { Scenario } from "./scenario.ts";

/** An issuer of this scenario's own. */
async function newIssuer(stage: Stage): Promise<TokenForge> {
  const material = await keyFor(`issuer-${crypto.randomUUID().slice(0, 8)}`);
  await registerPublicKey({
    ...material,
    databaseUrl: stage.target.databaseUrl,
    roles: ["widgets_writer"],
  });
  return new TokenForge(material, {
    sub: "press-1",
    role: "widgets_writer",
    aud: stage.target.url,
  });
}

/**
 * Waits until the issuer's tokens are answered with `status`; a change must be seen within a
 * second.
 */
async function answersWith(stage: Stage, issuer: TokenForge, status: number): Promise<void> {
  await until(`tokens of the issuer are answered with ${status}`, async () => {
    const answer = await stage.send({ token: issuer.token() });
    return answer.status === status;
  }, 1_000);
}

export const LIFECYCLE: readonly Scenario[] = [
  {
    name: "an issuer works within a second of its registration, also if it was refused before",
    async run(stage) {
      const material = await keyFor(`issuer-${crypto.randomUUID().slice(0, 8)}`);
      const issuer = new TokenForge(material, { sub: "press-1", role: "widgets_writer" });
      await refuses(stage, "unknown_issuer", { token: issuer.token() });
      await registerPublicKey({
        ...material,
        databaseUrl: stage.target.databaseUrl,
        roles: ["widgets_writer"],
      });
      await answersWith(stage, issuer, 201);
    },
  },
  {
    name:
      "one UPDATE revokes a key, also for a token that was accepted before, and one brings it back",
    async run(stage) {
      const issuer = await newIssuer(stage);
      await answersWith(stage, issuer, 201);
      const token = issuer.token();
      await passes(stage, { token });

      const { kid } = issuer.material;
      await stage.sql`update public.jwt_public_keys set is_active = false where kid = ${kid}`;
      await answersWith(stage, issuer, 401);
      await refuses(stage, "revoked_key", { token });

      await stage.sql`update public.jwt_public_keys set is_active = true where kid = ${kid}`;
      await answersWith(stage, issuer, 201);
      await passes(stage, { token });
    },
  },
  {
    name: "one UPDATE deactivates an issuer, and one brings it back",
    async run(stage) {
      const issuer = await newIssuer(stage);
      await answersWith(stage, issuer, 201);
      const token = issuer.token();

      const name = issuer.material.issuer;
      await stage.sql`update public.jwt_issuers set is_active = false where issuer = ${name}`;
      await answersWith(stage, issuer, 401);
      await refuses(stage, "inactive_issuer", { token });

      await stage.sql`update public.jwt_issuers set is_active = true where issuer = ${name}`;
      await answersWith(stage, issuer, 201);
      await passes(stage, { token });
    },
  },
  {
    name: "a narrower policy holds for a token that was accepted before",
    async run(stage) {
      const issuer = await newIssuer(stage);
      await answersWith(stage, issuer, 201);
      const token = issuer.token();
      await passes(stage, { token });

      const name = issuer.material.issuer;
      await stage.sql`
        update public.jwt_issuers set allowed_subjects = '{depot-*}' where issuer = ${name}`;
      await answersWith(stage, issuer, 403);
      await refuses(stage, "subject_not_allowed", { token });
      await passes(stage, { token: issuer.token({ claims: { sub: "depot-1" } }) });
    },
  },
  {
    name: "a rotated key works beside the old one until the overlap ends, under the same issuer",
    async run(stage) {
      const { databaseUrl } = stage.target;
      const old = await newIssuer(stage);
      const { issuer } = old.material;
      await answersWith(stage, old, 201);
      const material = await keyFor(issuer);
      await rotateKey({ ...material, databaseUrl, overlap: 2 });
      const next = new TokenForge(material, { sub: "press-1", role: "widgets_writer" });

      await answersWith(stage, next, 201);
      const name = newName();
      await passes(stage, { token: old.token(), body: JSON.stringify({ name }) });
      const read = await passes(stage, {
        method: "GET",
        path: `/rest/v1/widgets?name=eq.${name}&select=owner_issuer`,
        token: next.token(),
      });
      assert.deepEqual(JSON.parse(read.text), [{ owner_issuer: issuer }]);

      await until("the old key has retired", async () => {
        const answer = await stage.send({ token: old.token() });
        return answer.status === 401;
      });
      await refuses(stage, "key_not_current", { token: old.token() });
      await passes(stage, { token: next.token() });
    },
  },
];
