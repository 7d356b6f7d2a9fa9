// The words of the form in both languages. Names of fields, operators and units come from the catalogue.
import type { Label } from "./catalogue";
import type { Language } from "./model";

const WORDS = {
  title: { zh: "人群规则", en: "Audience rule" },
  language: { zh: "界面语言", en: "Language" },
  undo: { zh: "撤销", en: "Undo" },
  redo: { zh: "重做", en: "Redo" },
  palette: { zh: "条件库", en: "Conditions" },
  paletteHint: { zh: "点击添加到选中的组，或拖到任意位置", en: "Click to add to the selected group, or drag anywhere" },
  search: { zh: "搜索属性、标签、行为", en: "Search attributes, tags, behaviours" },
  nothingFound: { zh: "没有匹配的条件", en: "Nothing matches" },
  behaviours: { zh: "行为", en: "Behaviours" },
  attribute: { zh: "属性", en: "Attribute" },
  tag: { zh: "标签", en: "Tag" },
  event: { zh: "行为", en: "Behaviour" },
  sequence: { zh: "行为序列", en: "Sequence" },
  lifecycle: { zh: "生命周期", en: "Lifecycle" },
  audience: { zh: "已存人群", en: "Saved audience" },
  split: { zh: "随机分组", en: "Random split" },
  kept: { zh: "在 Python 中编辑，此处保持原样", en: "edited in Python, kept here as it is" },
  people: { zh: "预估人数", en: "People" },
  ofUniverse: { zh: "占全部 {n} 人的", en: "of {n} people" },
  counting: { zh: "计算中", en: "counting" },
  asOf: { zh: "数据截至", en: "as of" },
  sentence: { zh: "规则含义", en: "In words" },
  problems: { zh: "需要修正", en: "To be corrected" },
  showProblem: { zh: "定位到该条件", en: "Show this condition" },
  group: { zh: "条件组", en: "Group" },
  condition: { zh: "条件", en: "Condition" },
  and: { zh: "且", en: "AND" },
  or: { zh: "或", en: "OR" },
  all: { zh: "满足全部", en: "Match all" },
  any: { zh: "满足任一", en: "Match any" },
  combine: { zh: "条件之间的关系", en: "How the conditions combine" },
  switchToOr: { zh: "改为“或”", en: "Change to OR" },
  switchToAnd: { zh: "改为“且”", en: "Change to AND" },
  not: { zh: "排除", en: "NOT" },
  negate: { zh: "排除此组的人（取反）", en: "Negate: people who do not match this group" },
  addCondition: { zh: "添加条件", en: "Add condition" },
  addGroup: { zh: "添加组", en: "Add group" },
  copy: { zh: "复制", en: "Copy" },
  remove: { zh: "删除", en: "Remove" },
  more: { zh: "缺失值设置", en: "Missing values" },
  drag: { zh: "拖动", en: "Drag" },
  dragKeys: { zh: "回车拿起，方向键移动，回车放下，Esc 取消；Alt+↑↓ 直接移动", en: "Enter picks up, arrows move, Enter drops, Escape cancels; Alt+↑↓ moves at once" },
  emptyGroup: { zh: "从条件库选择，或把条件拖到这里", en: "Choose from the conditions, or drop one here" },
  everybody: { zh: "没有条件时包含所有人。", en: "Without conditions the rule holds for everybody." },
  unreadable: { zh: "这条规则无法显示，原因见下方。可以撤销，或从条件库开始新的规则。", en: "This rule cannot be shown; see below why. Undo, or begin a new one from the conditions." },
  field: { zh: "字段", en: "Field" },
  property: { zh: "属性", en: "Property" },
  operator: { zh: "比较方式", en: "Comparison" },
  value: { zh: "值", en: "Value" },
  low: { zh: "下限", en: "Low" },
  high: { zh: "上限", en: "High" },
  between: { zh: "至", en: "to" },
  yes: { zh: "是", en: "true" },
  no: { zh: "否", en: "false" },
  addValue: { zh: "添加值…", en: "Add a value…" },
  typeValue: { zh: "输入值", en: "Type a value" },
  removeValue: { zh: "移除", en: "Remove" },
  suggestions: { zh: "建议值", en: "Suggestions" },
  measure: { zh: "统计方式", en: "Measure" },
  time: { zh: "时间", en: "When" },
  windowKind: { zh: "时间窗口", en: "Time window" },
  length: { zh: "长度", en: "Length" },
  unit: { zh: "单位", en: "Unit" },
  near: { zh: "近端", en: "Near end" },
  far: { zh: "远端", en: "Far end" },
  ago: { zh: "前", en: "ago" },
  first: { zh: "开始日期", en: "First day" },
  last: { zh: "结束日期", en: "Last day" },
  calendar: { zh: "按自然日", en: "Whole days" },
  calendarHint: { zh: "从当地零点起算，而不是滚动的 24 小时", en: "Count from local midnight, not rolling 24 hours" },
  where: { zh: "其中", en: "Where" },
  addFilter: { zh: "筛选", en: "Filter" },
  addFilterGroup: { zh: "筛选组", en: "Filter group" },
  filters: { zh: "行为的筛选", en: "Filters of the behaviour" },
  missing: { zh: "没有值的人", en: "People without a value" },
  missingDefault: { zh: "默认", en: "Default" },
  missingInclude: { zh: "计入", en: "Include" },
  missingExclude: { zh: "不计入", en: "Exclude" },
  counted: { zh: "计入", en: "included" },
  notCounted: { zh: "不计入", en: "excluded" },
  unknown: { zh: "（目录中没有）", en: " (not in the catalogue)" },
  times: { zh: "次", en: "times" },
  days: { zh: "天", en: "days" },
  readOnly: { zh: "只读", en: "Read only" },
  noCount: { zh: "无法计算", en: "Cannot be counted" },
  pickedUp: { zh: "已拿起 {name}。用方向键移动，回车放下，Esc 取消。", en: "Picked up {name}. Move with the arrow keys, drop with Enter, cancel with Escape." },
  overPlace: { zh: "{group} 的第 {n} 个位置", en: "Place {n} of {group}" },
  dropped: { zh: "已放下 {name}。", en: "Dropped {name}." },
  cancelled: { zh: "已取消，{name} 没有移动。", en: "Cancelled; {name} did not move." },
  rootGroup: { zh: "最外层组", en: "the outermost group" },
  innerGroup: { zh: "组 {path}", en: "group {path}" },
  newCondition: { zh: "新条件", en: "the new condition" },
} satisfies Record<string, Label>;

export type Word = keyof typeof WORDS;

/** Text by key in one language; `{name}` is filled from `values`. */
export function say(language: Language, word: Word, values: Record<string, string | number> = {}): string {
  const text: string = WORDS[word][language];
  return text.replace(/\{(\w+)\}/g, (_all, name: string) => String(values[name] ?? ""));
}

/** Numbers read 12,345 in both languages. */
export const digits = (n: number): string => n.toLocaleString("en-US");

export function percent(part: number, whole: number): string {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  return `${share > 0 && share < 0.1 ? "<0.1" : share.toFixed(share === 100 || share === 0 ? 0 : 1)}%`;
}
