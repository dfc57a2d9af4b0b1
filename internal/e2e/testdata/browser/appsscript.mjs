// Runs a Google Apps Script program: its own services are stood in for by the least that does what their reference says.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { fetchSync, printTable } from "./fetchsync.mjs";

const source = readFileSync(process.argv[2], "utf8");
const known = new Set(["method", "contentType", "headers", "payload"]);
const services = {
  PropertiesService: { getScriptProperties: () => ({ getProperty: (name) => process.env[name] ?? null }) },
  UrlFetchApp: {
    fetch(url, options = {}) {
      for (const name of Object.keys(options)) if (!known.has(name)) throw new Error(`UrlFetchApp.fetch has no option ${name}`);
      const { method = "get", contentType, headers = {}, payload } = options;
      if (!["get", "post"].includes(method)) throw new Error(`method ${method}`);
      const sent = payload === undefined ? headers : { "Content-Type": contentType, ...headers };
      const text = fetchSync(url, { method: method.toUpperCase(), headers: sent, payload });
      return { getContentText: () => text };
    },
  },
  SpreadsheetApp: {
    getActiveSheet: () => ({
      getRange: (row, column, rows, columns) => ({
        setValues(values) {
          if (row !== 1 || column !== 1 || values.length !== rows || values.some((line) => line.length !== columns)) {
            throw new Error(`the values do not fit into ${rows} by ${columns}`);
          }
          printTable(values);
        },
      }),
    }),
  },
};
const context = vm.createContext(services);
vm.runInContext(source, context);
const name = /^function (\w+)\(/m.exec(source)[1];
vm.runInContext(`${name}()`, context);
