// Whether the form can show what Python holds: names may be unknown, but every part has the type it is drawn by.
import { isGroup, type Rule, type Scalar } from "./rule";

// Deeper than any rule that Python accepts, and shallow enough for a recursion.
const MAX_DEPTH = 60;

/** Whether the form can show it. Names that the catalogue lacks can be shown; a node of no known kind cannot. */
export function isReadable(rule: unknown, depth = 0): boolean {
  if (!isObject(rule) || depth > MAX_DEPTH) return false;
  const { kind, of, field, event, operator, value, missing, where, window, measure } = rule;
  const below = (child: unknown) => isReadable(child, depth + 1);
  const isFilter = (w: unknown) => isObject(w) && isGroup(w as unknown as Rule) && below(w);
  switch (kind) {
    case "all":
    case "any":
      return of === undefined || (Array.isArray(of) && of.every(below));
    case "attribute":
    case "tag":
      return isText(field) && isText(operator) && isValue(value) && isOptional(missing, isText);
    case "event": {
      const isMeasure = (m: unknown) => isObject(m) && isText(m.kind) && isOptional(m.property, isText);
      const compared = isOptional(operator, isText) && isValue(value) && isOptional(missing, isText);
      return isText(event) && compared && isOptional(where, isFilter) && isOptional(window, isWindow) && isOptional(measure, isMeasure);
    }
    case "sequence": {
      const isStep = (s: unknown) =>
        isObject(s) && isText(s.event) && isOptional(s.where, isFilter) && isOptional(s.within, isDuration) && isOptional(s.absent, isYesNo) && isOptional(s.immediately, isYesNo);
      const { steps, within, same } = rule;
      const isNames = (names: unknown) => Array.isArray(names) && names.every(isText);
      return Array.isArray(steps) && steps.every(isStep) && isOptional(window, isWindow) && isOptional(within, isDuration) && isOptional(same, isNames);
    }
    case "lifecycle": {
      const { pattern, before, k, m, unit, calendar } = rule;
      const periods = isOptional(k, isNumber) && isOptional(m, isNumber) && isOptional(unit, isText) && isOptional(calendar, isYesNo);
      const isLast = (w: unknown) => isWindow(w) && (w as { kind: string }).kind === "last";
      return isText(event) && isText(pattern) && periods && isOptional(where, isFilter) && isOptional(window, isWindow) && isOptional(before, isLast);
    }
    case "audience":
      return isText(rule.audience) && isOptional(rule.version, isNumber) && isOptional(rule.member, isYesNo);
    case "split":
      return isText(rule.salt) && isOptional(rule.low, isNumber) && isNumber(rule.high);
    default:
      return false;
  }
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
const isText = (v: unknown): v is string => typeof v === "string";
const isNumber = (v: unknown): v is number => typeof v === "number";
const isYesNo = (v: unknown): v is boolean => typeof v === "boolean";
const isScalar = (v: unknown): v is Scalar => ["boolean", "number", "string"].includes(typeof v);
const isDuration = (v: unknown): boolean => isObject(v) && isNumber(v.n) && isText(v.unit);
const isOptional = (v: unknown, test: (v: unknown) => boolean): boolean => v === undefined || v === null || test(v);
const isValue = (v: unknown): boolean => isOptional(v, (one) => isScalar(one) || (Array.isArray(one) ? one.every(isScalar) : isWindow(one)));

function isWindow(v: unknown): boolean {
  if (!isObject(v)) return false;
  const numbers: Record<string, string[]> = { last: ["n"], ago: ["near", "far"], dates: [], ever: [] };
  const wanted = isText(v.kind) ? numbers[v.kind] : undefined;
  if (!isOptional(v.calendar, isYesNo)) return false;
  const texts = v.kind === "dates" ? ["first", "last"] : v.kind === "ever" ? [] : ["unit"];
  return !!wanted && wanted.every((key) => isNumber(v[key])) && texts.every((key) => isText(v[key]));
}
