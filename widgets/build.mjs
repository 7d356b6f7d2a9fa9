// Bundles each widget into one ESM file and one style sheet next to its Python side.
import { build, context } from "esbuild";
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

// Bytes by widget: every instance sends its bundle to the browser once.
const BUDGETS = { rule_builder: 520 * 1024, live_preview: 260 * 1024, audience_library: 260 * 1024, export_menu: 20 * 1024 };
const SOURCES = { export_menu: "src/export_menu.ts" };
const outdir = fileURLToPath(new URL("../qa_lib/widgets/static", import.meta.url));

// react-querybuilder brings along what this form never uses, and its modules are so written that no
// bundler may leave that out by itself: exporters to MongoDB, CEL and SpEL (built by calls that are not
// marked as free of effects), the adapter of another drag-and-drop library, and its reading of numbers.
const NEVER_USED = [
  [/@react-querybuilder[\\/]dnd[\\/]dist[\\/]react-dnd-[^.]+\.mjs$/, "export const n = () => false, t = () => null;"],
  [/numeric-quantity\.mjs$/, "export const numericRegex = /^$/, numericQuantity = Number;"],
];
const leaveOut = {
  name: "leave-out",
  setup(plugin) {
    plugin.onLoad({ filter: /react-querybuilder_core\.mjs$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll(/= (generateValueProcessor\()/g, "= /* @__PURE__ */ $1"),
    }));
    for (const [filter, contents] of NEVER_USED) plugin.onLoad({ filter }, () => ({ contents }));
  },
};

const options = {
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: Object.keys(BUDGETS).map((stem) => SOURCES[stem] ?? `src/${stem}.tsx`),
  outdir,
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  minify: true,
  legalComments: "none",
  charset: "utf8",
  // Jupyter pages have no bundler: nothing may be left to resolve at run time.
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [leaveOut],
  logLevel: "info",
};

if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
  for (const [stem, budget] of Object.entries(BUDGETS)) {
    const { size } = await stat(`${outdir}/${stem}.js`);
    if (size > budget) {
      console.error(`${stem}.js has ${size} bytes; its budget is ${budget}.`);
      process.exitCode = 1;
    }
  }
}
