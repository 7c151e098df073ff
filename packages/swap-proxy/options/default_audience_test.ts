import assert from "node:assert/strict";
import { defaultAudience } from "./default_audience.ts";

const HOSTED = ["prod", "https://prod.supabase.co", "https://prod.supabase.co/"];

for (
  const [url, expected] of [
    ["https://prod.supabase.co", HOSTED],
    ["https://prod.supabase.co/", HOSTED],
    ["https://PROD.supabase.co", HOSTED],
    ["https://db.example.com/base", [
      "https://db.example.com/base",
      "https://db.example.com/base/",
    ]],
    ["http://127.0.0.1:54321", ["http://127.0.0.1:54321", "http://127.0.0.1:54321/"]],
    // A stranger's host does not get a project's short name.
    ["https://prod.supabase.co.example.com", [
      "https://prod.supabase.co.example.com",
      "https://prod.supabase.co.example.com/",
    ]],
  ] as const
) {
  Deno.test(`defaultAudience() of ${url}`, () => {
    assert.deepEqual(defaultAudience(new URL(url)), expected);
  });
}
