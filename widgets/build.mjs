// Bundles each widget into one ESM file and one style sheet next to its Python side.
import { build, context } from "esbuild";
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const BUDGET = 520 * 1024; // bytes: every instance of a widget sends its bundle to the browser once
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
  entryPoints: ["src/rule_builder.tsx", "src/export_menu.ts"],
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
  const { size } = await stat(`${outdir}/rule_builder.js`);
  if (size > BUDGET) {
    console.error(`rule_builder.js has ${size} bytes; its budget is ${BUDGET}.`);
    process.exitCode = 1;
  }
}
