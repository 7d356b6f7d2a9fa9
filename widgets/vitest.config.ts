import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic" } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], maxWorkers: 1, css: false, testTimeout: 30_000 },
});
