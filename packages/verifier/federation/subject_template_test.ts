import assert from "node:assert/strict";
import { subjectOf } from "./subject_template.ts";

const CLAIMS = {
  repository_id: "74",
  environment: "prod",
  number: 7,
  empty: "",
  colon: "a:b",
  list: ["a"],
  flag: true,
  float: 1.5,
  "kubernetes.io": { namespace: "ns" },
};

Deno.test("subjectOf() fills a template's places", () => {
  const subjects: [string, string][] = [
    ["gh:{repository_id}:{environment}", "gh:74:prod"],
    ["{number}", "7"],
    ["k8s:{/kubernetes.io/namespace}", "k8s:ns"],
    ["nightly", "nightly"],
    ["{colon}", "a:b"],
    ["gh:{environment}/{colon}", "gh:prod/a:b"],
    ["{environment}!", "prod!"],
  ];
  for (const [template, subject] of subjects) {
    assert.deepEqual(subjectOf(template, CLAIMS), { subject }, template);
  }
});

Deno.test("subjectOf() names the claim that is missing, of another type, or would blur two subjects", () => {
  const wrong: [string, string][] = [
    ["gh:{nothing}", "nothing"],
    ["gh:{empty}", "empty"],
    ["gh:{list}", "list"],
    ["gh:{flag}", "flag"],
    ["gh:{float}", "float"],
    ["gh:{constructor}", "constructor"],
    ["gh:{colon}:{environment}", "colon"],
    ["{/kubernetes.io/name}", "/kubernetes.io/name"],
  ];
  for (const [template, claim] of wrong) {
    const made = subjectOf(template, CLAIMS);
    assert.equal("claim" in made && made.claim, claim, template);
  }
});

Deno.test("subjectOf() never makes one subject of two jobs", () => {
  const parts = ["a", "b", ":", "a:", ":b", "a:b", "b:a", "::"];
  const made = new Map<string, string>();
  for (const owner of parts) {
    for (const name of parts) {
      for (const env of parts) {
        const subject = subjectOf("gh:{owner}:{name}:{env}", { owner, name, env });
        if (!("subject" in subject)) continue;
        const job = JSON.stringify([owner, name, env]);
        assert.equal(made.get(subject.subject) ?? job, job);
        made.set(subject.subject, job);
      }
    }
  }
  assert.ok(made.size > 0);
});

Deno.test("subjectOf() takes nothing for a template that is none", () => {
  for (const template of ["", "{", "}", "{}", "a{b", "a}b", "{a}{b}", "{{a}}", "{a}}", "x{a}{b}"]) {
    const made = subjectOf(template, { a: "1", b: "2" });
    assert.equal("claim" in made && made.claim, "", template);
  }
});
