import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { newName, signWith, type TokenForge } from "@countersign/fixture";
import { logEntry, passes, refuses, sameAsPostgrest, type Stage } from "@countersign/fixture/stage";
import type { Scenario } from "./scenario.ts";

const RETURNED = [["Prefer", "return=representation"]] as const;
const USER = "5f1ab1e0-0000-4000-8000-00000000cafe";

/** The claims of the token that the proxy should send on for one of these issuers. */
function downstream(issuer: TokenForge): Record<string, unknown> {
  const { issuer: iss, kid } = issuer.material;
  return { iss, sub: "press-1", role: "widgets_writer", countersign: { kid } };
}

/** A token that has been accepted, and when it will not be any more; on a busy machine it needs longer. */
async function acceptedInItsLastSeconds(stage: Stage): Promise<{ token: string; end: number }> {
  const tolerance = 5;
  for (let left = 1;; left *= 4) {
    const end = Math.floor(Date.now() / 1000) + left;
    const token = stage.warehouse.token({
      claims: { iat: end - 60, exp: end - tolerance },
    });
    const answer = await stage.send({ token });
    if (answer.status === 201) return { token, end: end * 1000 };
    assert.ok(left < 16, answer.wire);
  }
}

export const CONTAINMENT: readonly Scenario[] = [
  {
    name:
      "an issuer writes and reads back its rows, and another of the same role does not see them",
    async run(stage) {
      const name = newName();
      const written = await passes(stage, {
        headers: RETURNED,
        body: JSON.stringify({ name }),
      });
      assert.equal(written.status, 201);
      assert.equal(JSON.parse(written.text)[0].owner_issuer, "warehouse");

      const read = { method: "GET", path: `/rest/v1/widgets?name=eq.${name}&select=name` };
      const own = await passes(stage, read);
      assert.deepEqual(JSON.parse(own.text), [{ name }]);
      const others = await passes(stage, { ...read, token: stage.trusted.token() });
      assert.deepEqual(JSON.parse(others.text), []);
    },
  },
  {
    name: "another issuer's row can't be changed or deleted, one's own can",
    async run(stage) {
      const name = newName();
      await passes(stage, { body: JSON.stringify({ name }) });
      const path = `/rest/v1/widgets?name=eq.${name}&select=note`;
      const change = { path, headers: RETURNED, body: JSON.stringify({ note: "changed" }) };

      for (const method of ["PATCH", "DELETE"]) {
        const attack = { ...change, method, token: stage.trusted.token() };
        const untouched = await sameAsPostgrest(stage, downstream(stage.trusted), attack);
        assert.deepEqual([untouched.status, untouched.text], [200, "[]"]);

        const twin = await passes(stage, { ...change, method, token: stage.warehouse.token() });
        assert.deepEqual(JSON.parse(twin.text), [{ note: "changed" }]);
      }
    },
  },
  {
    name: "a row in another issuer's name is refused by RLS, in PostgREST's own words",
    async run(stage) {
      const row = (owner: string) => JSON.stringify({ name: newName(), owner_issuer: owner });
      const refused = await sameAsPostgrest(stage, downstream(stage.warehouse), {
        token: stage.warehouse.token(),
        body: row("trusted"),
      });
      assert.deepEqual([refused.status, JSON.parse(refused.text).code], [403, "42501"]);
      await passes(stage, { body: row("warehouse") });
    },
  },
  {
    name: "another issuer's role is refused by policy, one's own is not",
    async run(stage) {
      const invoice = { path: "/rest/v1/invoices", body: JSON.stringify({ name: "first" }) };
      await refuses(stage, "role_not_allowed", {
        ...invoice,
        token: stage.warehouse.token({ claims: { role: "invoices_writer" } }),
      });
      await passes(stage, {
        ...invoice,
        token: stage.billing.token({ claims: { role: "invoices_writer" } }),
      });
    },
  },
  {
    name: "a token without a role gets the policy's default",
    async run(stage) {
      const whoami = { method: "GET", path: "/rest/v1/rpc/whoami" };
      await refuses(stage, "role_not_allowed", {
        ...whoami,
        token: stage.warehouse.token({ claims: { role: undefined } }),
      });
      const answer = await passes(stage, {
        ...whoami,
        token: stage.billing.token({ claims: { role: undefined } }),
      });
      assert.equal(JSON.parse(answer.text).user, "invoices_writer");
    },
  },
  {
    name: "an unknown issuer is refused as if its signature were bad",
    async run(stage) {
      const unknown = await refuses(stage, "unknown_issuer", {
        token: stage.warehouse.token({ claims: { iss: "nobody-knows" } }),
      });
      const bad = await refuses(stage, "bad_signature", {
        token: stage.warehouse.token({ signature: () => new Uint8Array(256) }),
      });
      assert.equal(unknown.text, bad.text);
      assert.equal(unknown.headers.get("www-authenticate"), bad.headers.get("www-authenticate"));
      await passes(stage, { token: stage.warehouse.token() });
    },
  },
  {
    name: "a tampered token is refused, the same token untouched is not",
    async run(stage) {
      const token = stage.warehouse.token();
      const [header, payload, signature] = token.split(".");
      const claims = JSON.parse(atob(payload!.replaceAll("-", "+").replaceAll("_", "/")));
      const raised = btoa(JSON.stringify({ ...claims, sub: "press-2" }))
        .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      await refuses(stage, "bad_signature", { token: `${header}.${raised}.${signature}` });
      await passes(stage, { token });
    },
  },
  {
    name: "a token with a real kid and a stranger's signature is refused",
    async run(stage) {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      await refuses(stage, "bad_signature", {
        token: stage.warehouse.token({
          signature: (input) => signWith(privateKey, "RS256", input),
        }),
      });
      await passes(stage, { token: stage.warehouse.token() });
    },
  },
  {
    name: "an expired token is refused, also after it was accepted and remembered",
    async run(stage) {
      const now = Math.floor(Date.now() / 1000);
      await refuses(stage, "expired", {
        token: stage.warehouse.token({ claims: { iat: now - 120, exp: now - 60 } }),
      });
      const { token, end } = await acceptedInItsLastSeconds(stage);
      await new Promise((resolve) => setTimeout(resolve, end + 20 - Date.now()));
      await refuses(stage, "expired", { token });
    },
  },
  {
    name: "a token for another target is refused",
    async run(stage) {
      await refuses(stage, "wrong_audience", {
        token: stage.warehouse.token({ claims: { aud: "https://staging.supabase.co" } }),
      });
      await passes(stage, { token: stage.warehouse.token({ claims: { aud: stage.target.url } }) });
    },
  },
  {
    name: "protected claims are refused by name, others are passed on to the policies",
    async run(stage) {
      for (const claim of ["app_metadata", "email", "aal", "countersign"]) {
        await refuses(stage, "claim_not_allowed", {
          token: stage.warehouse.token({ claims: { [claim]: "admin" } }),
        });
      }
      const answer = await passes(stage, {
        method: "GET",
        path: "/rest/v1/rpc/whoami",
        token: stage.warehouse.token({ claims: { region: "north" } }),
      });
      assert.equal(JSON.parse(answer.text).claims.region, "north");
    },
  },
  {
    name: "no issuer reads or writes an end user's row, whatever it claims",
    async run(stage) {
      const read = { method: "GET", path: "/rest/v1/profiles?select=bio" };
      const write = {
        method: "PATCH",
        path: "/rest/v1/profiles?user_id=not.is.null",
        headers: RETURNED,
        body: JSON.stringify({ bio: "an issuer wrote this" }),
      };
      for (const attempt of [read, write]) {
        for (const issuer of [stage.warehouse, stage.observed]) {
          const posing = issuer.token({ claims: { sub: USER } });
          await refuses(stage, "subject_not_allowed", { ...attempt, token: posing });
          const braces = issuer.token({ claims: { sub: `{${USER.toUpperCase()}}` } });
          await refuses(stage, "subject_not_allowed", { ...attempt, token: braces });
          const asUser = issuer.token({ claims: { sub: USER, role: "authenticated" } });
          await refuses(stage, "role_not_allowed", { ...attempt, token: asUser });
        }
        // auth.uid() casts "press-1" to a uuid, and finds none in a token without `sub`.
        const named = await stage.send({ ...attempt, token: stage.warehouse.token() });
        assert.equal(JSON.parse(named.text).code, "22P02");
        const nobody = await stage.send({
          ...attempt,
          token: stage.warehouse.token({ claims: { sub: undefined } }),
        });
        assert.deepEqual([nobody.status, nobody.text], [200, "[]"]);
      }

      const twin = await passes(stage, {
        ...read,
        token: stage.trusted.token({ claims: { sub: USER } }),
      });
      assert.deepEqual(JSON.parse(twin.text), [{ bio: "a user wrote this" }]);
    },
  },
  {
    name:
      "an issuer in observe mode is let through where its policy alone is in the way, and reported",
    async run(stage) {
      const answer = await passes(stage, {
        token: stage.observed.token({ claims: { sub: "press-9" } }),
      });
      if (stage.function.logsAll) {
        assert.match(logEntry(answer, stage.function) ?? "", /"observed".*"subject_not_allowed"/);
      }
      await refuses(stage, "subject_not_allowed", {
        token: stage.strict.token({ claims: { sub: "press-9" } }),
      });
    },
  },
];
