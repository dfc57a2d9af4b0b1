import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server fills __BASE__ in, in index.html alone: what is loaded from there finds its own parts beside itself.
export default defineConfig(({ command }) => ({
  base: command === "build" ? "./" : "/console/",
  plugins: [
    react(),
    {
      name: "placeholder-base",
      enforce: "post",
      generateBundle(_, bundle) {
        const page = bundle["index.html"];
        if (page?.type === "asset") page.source = String(page.source).replaceAll(/(src|href)="\.\//g, '$1="__BASE__/');
      },
    },
  ],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssMinify: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/api": process.env.DATA_API_URL ?? "http://127.0.0.1:3100" } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
}));
