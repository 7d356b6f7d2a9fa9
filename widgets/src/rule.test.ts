import { describe, expect, it } from "vitest";
import { catalogue, rule, rules } from "./fake_model";
import { operatorsFor, type Arity } from "./catalogue";
import { newCondition, valueFor, withOperator } from "./defaults";
import { canonical, fromQuery, fromQueryNode, isGroup, isCard, toQuery, toQueryRule, type Comparison, type Card, type Condition, type EventCondition, type Group, type Query, type Rule } from "./rule";
import { canMove, copyOf, insertAt, moveTo, nextSlot, nodeAt, removeAt, slotsFor, type Path } from "./tree";

/** A condition with parts that the form does not know. */
const odd = (parts: Card & Record<string, unknown>): Card => parts;

describe("rule JSON and the query on screen", () => {
  it("finds the contract's examples", () => expect(rules.length).toBeGreaterThan(3));

  it.each(rules)("%s comes back as it was", (_name, value) => {
    expect(fromQuery(toQuery(value))).toEqual(value);
  });

  it("wraps a bare condition into a group", () => {
    const condition: Rule = { kind: "tag", field: "recency_days", operator: "<", value: 7 };
    expect(fromQuery(toQuery(condition))).toEqual({ kind: "all", negated: false, of: [condition] });
  });

  it("shows everybody when there is no rule yet", () => {
    expect(fromQuery(toQuery(undefined))).toEqual({ kind: "all", negated: false, of: [] });
  });

  it.each<Condition>([
    { kind: "event", event: "visit" },
    { kind: "event", event: "visit", where: null, operator: "=", value: null },
    { kind: "tag", field: "with:colon", operator: "=", value: false, missing: "include" },
    { kind: "attribute", field: "age_band", operator: "is set" },
    { kind: "attribute", field: "age_band", operator: "=", value: null },
    odd({ kind: "sequence", steps: [{ event: "cart" }, { event: "purchase", absent: true }], same: ["item_id"] }),
    odd({ kind: "lifecycle", event: "visit", pattern: "stopped", window: { kind: "last", n: 30, unit: "day" } }),
    odd({ kind: "audience", audience: "VIP", version: 3, member: false }),
    odd({ kind: "split", salt: "spring", low: 0, high: 0.5 }),
  ])("keeps every field of $kind, set or not", (condition) => {
    expect(fromQueryNode(toQueryRule(condition))).toEqual(condition);
  });

  it("compares by value, whatever the order of the keys", () => {
    expect(canonical({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(canonical({ b: [{ d: 3, c: 2 }], a: 1 }));
  });

  it("gives every node an id of its own", () => {
    const ids = [...rules, ...rules].flatMap(([, value]) => allIds(toQuery(value)));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("moves", () => {
  const start = rule("nested_negated"); // any[ not all[age_band, recency_days, any[income_band, last_order_on]], departments_90d ]
  const names = (value: Rule): unknown =>
    isGroup(value) ? value.of.map(names) : isCard(value) ? value.kind : value.kind === "event" ? value.event : value.field;
  const moved = (path: Path, group: Path, index: number) => names(fromQuery(moveTo(toQuery(start), path, { group, index })));

  it("a condition into a group within a group", () => {
    expect(moved([1], [0, 2], 1)).toEqual([["age_band", "recency_days", ["income_band", "departments_90d", "last_order_on"]]]);
  });
  it("a condition out to the top", () => {
    expect(moved([0, 2, 1], [], 0)).toEqual(["last_order_on", ["age_band", "recency_days", ["income_band"]], "departments_90d"]);
  });
  it("a condition past a sibling, and a group out of its group", () => {
    expect(moved([0, 0], [0], 2)).toEqual([["recency_days", "age_band", ["income_band", "last_order_on"]], "departments_90d"]);
    expect(moved([0, 2], [], 2)).toEqual([["age_band", "recency_days"], "departments_90d", ["income_band", "last_order_on"]]);
  });
  it("a condition into a group that comes later", () => {
    const query = toQuery({ kind: "all", negated: false, of: [...(start as Group).of].reverse() });
    expect(names(fromQuery(moveTo(query, [0], { group: [1], index: 0 })))).toEqual([
      ["departments_90d", "age_band", "recency_days", ["income_band", "last_order_on"]],
    ]);
  });
  it("never a group into itself, nor a node to where it is", () => {
    expect(canMove([0], { group: [0, 2], index: 0 })).toBe(false);
    expect(canMove([1], { group: [], index: 1 })).toBe(false);
    expect(canMove([1], { group: [], index: 2 })).toBe(false);
    const query = toQuery(start);
    expect(moveTo(query, [0], { group: [0], index: 0 })).toBe(query);
  });
  it("keep `negated`, `missing` and the number of conditions", () => {
    const query = toQuery(start);
    for (const path of [[0], [0, 0], [0, 2], [0, 2, 1], [1]]) {
      for (const slot of slotsFor(query, path).filter((s) => canMove(path, s))) {
        const text = canonical(fromQuery(moveTo(query, path, slot)));
        expect(text.match(/"field"/g)).toHaveLength(5);
        expect(text).toContain('"missing":"exclude"');
        expect(text).toContain('"negated":true');
      }
    }
  });
  it("step by step through all places, down and up again", () => {
    let query = toQuery(rule("seed_rule"));
    query = insertAt(query, { group: [], index: 1 }, toQuery({ kind: "any", negated: false, of: [] }));
    const down = nextSlot(query, [0], 1)!;
    expect(down).toEqual({ group: [1], index: 0 });
    expect(nextSlot(query, [0], -1)).toBeUndefined();
    const inside = moveTo(query, [0], down);
    expect(fromQueryNode(nodeAt(inside, [0, 0])!)).toMatchObject({ kind: "event", event: "browse" });
    expect(nextSlot(inside, [0, 0], -1)).toEqual({ group: [], index: 0 });
  });
  it("copies have other ids, removals leave the rest", () => {
    const query = toQuery(start);
    const twice = insertAt(query, { group: [], index: 1 }, copyOf(nodeAt(query, [0])!));
    const ids = allIds(twice);
    expect(new Set(ids).size).toBe(ids.length);
    expect(fromQuery(removeAt(twice, [1]))).toEqual(start);
  });
});

describe("valid defaults", () => {
  const keys = [...catalogue.fields.map((f) => `${f.kind}:${f.name}`), ...catalogue.events.map((e) => `event:${e.name}`)];

  it.each(keys)("%s starts with an operator of its type and a value of that arity", (key) => {
    const condition = newCondition(catalogue, key) as Comparison | EventCondition;
    if (condition.kind === "event") {
      expect(catalogue.measure_operators).toContain(condition.operator);
      expect(condition).toMatchObject({ value: 1, window: { kind: "last", n: 30, unit: "day" }, measure: { kind: "count" } });
    } else {
      const field = catalogue.fields.find((f) => f.name === condition.field)!;
      const operator = operatorsFor(catalogue, field.type).find((o) => o.key === condition.operator)!;
      expect(operator).toBeDefined();
      expect(fits(condition.value, operator.arity)).toBe(true);
    }
  });

  it("an unknown key gives nothing", () => expect(newCondition(catalogue, "tag:nobody")).toBeUndefined());

  it("any change of operator gives a value of the new arity", () => {
    for (const field of catalogue.fields) {
      for (const from of operatorsFor(catalogue, field.type)) {
        for (const to of operatorsFor(catalogue, field.type)) {
          const value = valueFor(catalogue, from, field);
          const before: Comparison = { kind: field.kind, field: field.name, operator: from.key, value, missing: "include" };
          const after = withOperator(catalogue, before, to.key, field);
          expect(fits(after.value, to.arity)).toBe(true);
          expect(after.missing).toBe("include");
        }
      }
    }
  });

  it("a value survives a change between one and many", () => {
    const field = catalogue.fields.find((f) => f.name === "age_band")!;
    const one: Comparison = { kind: "attribute", field: "age_band", operator: "=", value: "65+" };
    const many = withOperator(catalogue, one, "in", field);
    expect(many.value).toEqual(["65+"]);
    expect(withOperator(catalogue, many, "!=", field)).toEqual({ ...one, operator: "!=" });
  });

  it("an event keeps its window when another event is chosen", () => {
    const window = { kind: "ever" } as const;
    expect((newCondition(catalogue, "event:visit", { window }) as EventCondition).window).toBe(window);
  });
});

function fits(value: Comparison["value"], arity: Arity): boolean {
  if (value === undefined) return arity === "none";
  if (Array.isArray(value)) return arity === "many" || (arity === "two" && value.length === 2);
  if (arity === "days") return typeof value === "number";
  return arity === (value !== null && typeof value === "object" ? "window" : "one");
}

function allIds(query: Query): string[] {
  return [query.id!, ...query.rules.flatMap((child) => ("rules" in child ? allIds(child) : [child.id!]))];
}
