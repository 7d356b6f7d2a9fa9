// The words of the audience library in both languages.
import type { Label } from "./catalogue";
import type { Language } from "./model";

const WORDS = {
  title: { zh: "人群库", en: "Audience library" },
  language: { zh: "界面语言", en: "Language" },
  readOnly: { zh: "只读", en: "Read-only" },
  asOf: { zh: "数据截至 {moment}", en: "Data as of {moment}" },
  // the builder's rule
  inBuilder: { zh: "构建器中的规则", en: "The rule in the builder" },
  notLoaded: { zh: "新的规则，还没有保存", en: "A new rule, not saved yet" },
  loadedFrom: { zh: "“{name}”第 {n} 版", en: "Version {n} of “{name}”" },
  changed: { zh: "已修改，未保存", en: "Changed, not saved" },
  unchanged: { zh: "与保存的一致", en: "As saved" },
  fault: { zh: "规则还不完整，先在构建器中修正", en: "The rule is not complete yet: correct it in the builder" },
  name: { zh: "人群名称", en: "Audience name" },
  namePlaceholder: { zh: "如：看了没买的高客单", en: "such as: looked, not bought, big baskets" },
  note: { zh: "备注（改了什么、为什么）", en: "Note (what changed, and why)" },
  save: { zh: "保存", en: "Save" },
  saveNew: { zh: "保存为新人群", en: "Save as a new audience" },
  saveVersion: { zh: "保存为第 {n} 版", en: "Save as version {n}" },
  saveAs: { zh: "以 {author} 的名义保存", en: "Saved in the name of {author}" },
  download: { zh: "下载草稿", en: "Download draft" },
  readOnlyHint: {
    zh: "这里可以搭建、比较和下载草稿；保存与回滚请到 JupyterLab。",
    en: "Here you can build, compare and download a draft; save and roll back in JupyterLab.",
  },
  // somebody else's version
  conflictTitle: { zh: "没有保存：已有更新的第 {n} 版", en: "Not saved: there is a newer version {n}" },
  conflictBy: { zh: "{author} 保存于 {moment}", en: "Saved by {author} at {moment}" },
  loadTheirs: { zh: "载入第 {n} 版（我的可撤销找回）", en: "Load version {n} (undo brings mine back)" },
  compareTheirs: { zh: "与我的比较", en: "Compare with mine" },
  saveOver: { zh: "仍把我的存为第 {n} 版", en: "Save mine all the same, as version {n}" },
  // the list
  search: { zh: "搜索名称、文件夹、标签、作者、备注", en: "Search name, folder, tags, author, note" },
  folder: { zh: "文件夹", en: "Folder" },
  allFolders: { zh: "全部文件夹", en: "All folders" },
  audiences: { zh: "人群", en: "Audience" },
  people: { zh: "人数", en: "People" },
  version: { zh: "生效版 / 最新版", en: "Active / newest" },
  author: { zh: "作者", en: "Author" },
  tags: { zh: "标签", en: "Tags" },
  used: { zh: "被引用", en: "Used by" },
  saved: { zh: "保存于", en: "Saved" },
  choose: { zh: "选中“{name}”", en: "Choose “{name}”" },
  chosen: { zh: "已选 {n} 个", en: "{n} chosen" },
  shown: { zh: "{n} / {all} 个人群", en: "{n} of {all} audiences" },
  freshNow: { zh: "当前数据", en: "this data" },
  freshOlder: { zh: "旧数据 {day}", en: "older data {day}" },
  freshNone: { zh: "未计数", en: "not counted" },
  count: { zh: "更新人数", en: "Count now" },
  reload: { zh: "重新读取", en: "Read again" },
  empty: {
    zh: "还没有保存过人群：在构建器中拖出一条规则，起个名字，点“保存”。",
    en: "No audience is saved yet: build a rule, give it a name, and save it.",
  },
  nothingFound: { zh: "没有符合搜索的人群。", en: "No audience fits the search." },
  // one audience
  openHint: { zh: "点一个人群的名称，查看版本、差异和引用。", en: "Click an audience's name for its versions, differences and uses." },
  versions: { zh: "版本", en: "Versions" },
  versionN: { zh: "第 {n} 版", en: "Version {n}" },
  active: { zh: "生效", en: "active" },
  inBuilderNow: { zh: "在构建器中", en: "in the builder" },
  restores: { zh: "回到第 {n} 版", en: "back to version {n}" },
  moreVersions: { zh: "更早的 {n} 版未列出", en: "{n} older versions are not listed" },
  load: { zh: "载入构建器", en: "Load" },
  loadN: { zh: "把第 {n} 版载入构建器", en: "Load version {n} into the builder" },
  rollback: { zh: "回滚到此版", en: "Roll back" },
  rollbackN: { zh: "回滚到第 {n} 版（存为新版并生效）", en: "Roll back to version {n} (a new version, active)" },
  activate: { zh: "设为生效", en: "Activate" },
  activateN: { zh: "让第 {n} 版生效（活动与引用都用它）", en: "Activate version {n}: campaigns and conditions follow it" },
  usedBy: { zh: "用在哪里", en: "Where it is used" },
  usedByNone: { zh: "没有其他人群或活动引用它。", en: "No other audience and no campaign uses it." },
  usedByAudience: { zh: "人群“{name}”第 {n} 版", en: "Audience “{name}”, version {n}" },
  usedByCampaign: { zh: "活动“{name}”", en: "Campaign “{name}”" },
  exportMembers: { zh: "导出成员（{n} 人）", en: "Export members ({n})" },
  filing: { zh: "文件夹与标签", en: "Folder and tags" },
  tagsHint: { zh: "标签，用逗号分开", en: "Tags, parted by commas" },
  file: { zh: "归档", en: "File" },
  // differences
  compare: { zh: "比较两版", en: "Compare two versions" },
  from: { zh: "从", en: "From" },
  to: { zh: "到", en: "To" },
  compareNow: { zh: "比较", en: "Compare" },
  enter: { zh: "进入", en: "Enter" },
  leave: { zh: "离开", en: "Leave" },
  stay: { zh: "不变", en: "Stay" },
  entering: { zh: "{n} 人进入", en: "{n} enter" },
  leaving: { zh: "{n} 人离开", en: "{n} leave" },
  counts: { zh: "{old} 人 → {new} 人", en: "{old} → {new} people" },
  because: { zh: "因为哪个条件", en: "Because of" },
  sameRule: { zh: "规则相同，没有人进出。", en: "The same rule: nobody enters or leaves." },
  outdated: { zh: "规则又改过了，请再比较一次。", en: "The rule has changed since: compare again." },
  whoEnters: { zh: "进入的人（样例，编号已脱敏）", en: "Who enters (sample, ids masked)" },
  whoLeaves: { zh: "离开的人（样例，编号已脱敏）", en: "Who leaves (sample, ids masked)" },
  // overlaps
  overlap: { zh: "看重合", en: "Overlap" },
  overlapHint: { zh: "选两个或更多人群", en: "Choose two audiences or more" },
  overlapTitle: { zh: "恰好属于哪些人群", en: "In exactly which audiences" },
  makeRule: { zh: "用作规则", en: "Use as rule" },
  makeRuleOf: { zh: "把恰好属于 {names} 的 {n} 人用作规则", en: "Make the {n} people in exactly {names} the rule" },
  working: { zh: "处理中…", en: "Working…" },
  workingFor: { zh: "处理中，已 {n} 秒", en: "Working for {n} s" },
  cancel: { zh: "取消", en: "Cancel" },
} satisfies Record<string, Label>;

export type LibraryWord = keyof typeof WORDS;
export type Say = (word: LibraryWord, values?: Record<string, string | number>) => string;

/** Text by key in one language; `{name}` is filled from `values`. */
export const sayIn =
  (language: Language): Say =>
  (word, values = {}) =>
    (WORDS[word][language] as string).replace(/\{(\w+)\}/g, (_all, name: string) => String(values[name] ?? ""));

/** A moment of Python, to the minute, in UTC as it is said everywhere else. */
export const minute = (moment: string): string => `${moment.slice(0, 16).replace("T", " ")} UTC`;
export const day = (moment: string): string => moment.slice(0, 10);
