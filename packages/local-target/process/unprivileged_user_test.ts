import assert from "node:assert/strict";
import { LocalTargetError } from "../mod.ts";
import { unprivilegedUser } from "./unprivileged_user.ts";

Deno.test("unprivilegedUser() stays who an ordinary user is", async () => {
  assert.deepEqual(await unprivilegedUser(1000), {});
});

Deno.test("unprivilegedUser() is nobody for root", async () => {
  const { uid, gid } = await unprivilegedUser(0);
  assert(uid !== undefined && uid > 0);
  assert(gid !== undefined && gid > 0);
});

Deno.test("unprivilegedUser() never falls back to root", async () => {
  for (const name of ["no-such-user", "root"]) {
    await assert.rejects(
      unprivilegedUser(0, name),
      (error) => error instanceof LocalTargetError && error.code === "no_unprivileged_user",
    );
  }
});
